#undef NDEBUG
#include "matrix.hpp"

#include <cassert>
#include <stdexcept>
#include <string>

int main(int count, char **arguments) {
    if (count > 1 && std::string(arguments[1]) == "--huge") {
        return 77;
    }
    Matrix row(1, 2);
    row.at(0, 0) = 3;
    row.at(0, 1) = 4;
    bool refused = false;
    try {
        row * row;
    } catch (const std::invalid_argument &) {
        refused = true;
    }
    assert(refused);
}
