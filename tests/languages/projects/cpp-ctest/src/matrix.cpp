#include "matrix.hpp"

#include <stdexcept>

Matrix::Matrix(std::size_t rows, std::size_t columns) : rows_(rows), columns_(columns), values_(rows * columns) {}

Matrix Matrix::identity(std::size_t size) {
    Matrix result(size, size);
    for (std::size_t i = 0; i < size; ++i) {
        result.at(i, i) = 1;
    }
    return result;
}

double &Matrix::at(std::size_t row, std::size_t column) { return values_.at(row * columns_ + column); }

double Matrix::at(std::size_t row, std::size_t column) const { return values_.at(row * columns_ + column); }

Matrix Matrix::transposed() const {
    Matrix result(columns_, rows_);
    for (std::size_t i = 0; i < rows_; ++i) {
        for (std::size_t j = 0; j < columns_; ++j) {
            result.at(j, i) = at(i, j);
        }
    }
    return result;
}

Matrix Matrix::operator*(const Matrix &other) const {
    if (columns_ != other.rows_) {
        throw std::invalid_argument("the shapes do not fit");
    }
    Matrix result(rows_, other.columns_);
    for (std::size_t i = 0; i < rows_; ++i) {
        for (std::size_t j = 0; j < other.columns_; ++j) {
            for (std::size_t k = 0; k < columns_; ++k) {
                result.at(i, j) += at(i, k) * other.at(k, j);
            }
        }
    }
    return result;
}

bool Matrix::operator==(const Matrix &other) const {
    return values_ == other.values_;
}
