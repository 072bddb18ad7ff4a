#undef NDEBUG
#include "matrix.hpp"

#include <cassert>

int main() {
    Matrix row(1, 2);
    row.at(0, 1) = 5;
    Matrix column = row.transposed();
    assert(column.at(1, 0) == 5);
    assert(column.transposed() == row);
    assert(!(column == row));
}
