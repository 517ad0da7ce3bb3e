#pragma once

#include <cstdint>
#include <limits>

namespace gancodec {

/// When a run is judged by pictures that it does not learn from, and when it ends by them.
struct EarlyStopping {
    std::int64_t every_steps = 1000;
    int patience = 0;  ///< looks in a row without a new lowest cost after which the run ends; 0: it never does
};

/// Remembers the lowest cost of the held-out pictures.
/// Paper    Prechelt: Early Stopping, But When?, 1998, its criterion UP: the cost has not fallen in `patience` looks.
class HeldOutWatch {
public:
    explicit HeldOutWatch(const EarlyStopping& rule = {}) : rule_(rule) {}

    struct State {
        double lowest = std::numeric_limits<double>::infinity();
        std::int64_t lowest_step = 0;
        int looks_since = 0;
    };
    [[nodiscard]] bool due(std::int64_t step) const { return step % rule_.every_steps == 0; }
    /// Whether `cost` is the lowest so far. A cost that is no number is not.
    bool observe(std::int64_t step, double cost) {
        if (cost < state_.lowest) {
            state_ = {cost, step, 0};
            return true;
        }
        ++state_.looks_since;
        return false;
    }
    [[nodiscard]] bool says_stop() const { return rule_.patience > 0 && state_.looks_since >= rule_.patience; }
    [[nodiscard]] const State& state() const { return state_; }
    void restore(const State& state) { state_ = state; }

private:
    EarlyStopping rule_;
    State state_;
};

}  // namespace gancodec
