#pragma once

#include <string>

namespace gancodec {

/// Base of a network whose parts have names and are not called one after another. `Network` derives from NamedParts<Network>
/// and lists its parts once:
///   template <class F> void each_part(F&& f) { f("head.", head); f("tail.", tail); }
template <class Network>
class NamedParts {
public:
    using Scalar = float;

    template <class F>
    void each_parameter(const std::string& prefix, F&& f) {
        network().each_part([&](const std::string& name, auto& part) { part.each_parameter(prefix + name, f); });
    }
    void prepare(bool for_backward) {
        network().each_part([&](const std::string&, auto& part) { part.prepare(for_backward); });
    }
    void project() {
        network().each_part([](const std::string&, auto& part) { part.project(); });
    }

private:
    Network& network() { return static_cast<Network&>(*this); }
};

}  // namespace gancodec
