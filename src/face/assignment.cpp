#include "face/assignment.hpp"

#include <algorithm>
#include <limits>

#include "base/result.hpp"

namespace facet::face {
namespace {

/// Row and column numbers start at 1; 0 is the row that is being placed.
class Assignment {
public:
    Assignment(std::size_t rows, std::size_t columns, std::span<const float> gains)
        : columns_(columns),
          width_(std::max(rows, columns)),
          gains_(gains),
          row_price_(rows + 1),
          column_price_(width_ + 1),
          row_of_(width_ + 1) {}

    /// Gives row `row` a column by the cheapest chain of moves of the rows placed before.
    void Place(std::size_t row) {
        constexpr double kFar = std::numeric_limits<double>::max();
        std::vector<double> distance(width_ + 1, kFar);
        std::vector<std::size_t> before(width_ + 1, 0);
        std::vector<bool> done(width_ + 1, false);
        std::size_t column = 0;
        row_of_[0] = row;
        do {
            done[column] = true;
            const std::size_t from = row_of_[column];
            double step = kFar;
            std::size_t next = 0;
            for (std::size_t j = 1; j <= width_; ++j) {
                if (done[j]) continue;
                const double reduced = Cost(from, j) - row_price_[from] - column_price_[j];
                if (reduced < distance[j]) {
                    distance[j] = reduced;
                    before[j] = column;
                }
                if (distance[j] < step) {
                    step = distance[j];
                    next = j;
                }
            }
            for (std::size_t j = 0; j <= width_; ++j) {
                if (done[j]) {
                    row_price_[row_of_[j]] += step;
                    column_price_[j] -= step;
                } else {
                    distance[j] -= step;
                }
            }
            column = next;
        } while (row_of_[column] != 0);
        while (column != 0) {
            row_of_[column] = row_of_[before[column]];
            column = before[column];
        }
    }

    std::vector<int> Columns(std::size_t rows) const {
        std::vector<int> result(rows, -1);
        for (std::size_t j = 1; j <= columns_; ++j) {
            if (row_of_[j] != 0 && Cost(row_of_[j], j) < 0.0) {
                result[row_of_[j] - 1] = static_cast<int>(j - 1);
            }
        }
        return result;
    }

private:
    /// Columns beyond the real ones stand for "none".
    double Cost(std::size_t row, std::size_t column) const {
        return column <= columns_ ? -static_cast<double>(gains_[(row - 1) * columns_ + column - 1])
                                  : 0.0;
    }

    std::size_t columns_;
    std::size_t width_;
    std::span<const float> gains_;
    std::vector<double> row_price_;
    std::vector<double> column_price_;
    std::vector<std::size_t> row_of_;  // each column's
};

}  // namespace

std::vector<int> AssignBest(std::size_t rows, std::size_t columns, std::span<const float> gains) {
    FACET_CHECK(gains.size() == rows * columns);
    Assignment assignment(rows, columns, gains);
    for (std::size_t row = 1; row <= rows; ++row) assignment.Place(row);
    return assignment.Columns(rows);
}

}  // namespace facet::face
