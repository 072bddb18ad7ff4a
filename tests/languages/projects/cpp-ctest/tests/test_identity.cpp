#undef NDEBUG
#include "matrix.hpp"

#include <cassert>

int main() {
    Matrix one = Matrix::identity(2);
    assert(one.at(0, 0) == 1);
    assert(one.at(0, 1) == 0);
    assert(one * one == one);
}
