#pragma once

#include <cstddef>
#include <vector>

/// Numbers in rows and columns.
class Matrix {
public:
    Matrix(std::size_t rows, std::size_t columns);

    static Matrix identity(std::size_t size);

    double &at(std::size_t row, std::size_t column);
    double at(std::size_t row, std::size_t column) const;

    Matrix transposed() const;
    Matrix operator*(const Matrix &other) const;
    bool operator==(const Matrix &other) const;

private:
    std::size_t rows_;
    std::size_t columns_;
    std::vector<double> values_;
};
