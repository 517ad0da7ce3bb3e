#pragma once

#include <cstdio>

#include <nlohmann/json.hpp>

namespace gancodec::cli {

using Json = nlohmann::ordered_json;

/// Prints to stdout; bytes that are not UTF-8 (in a file's name) are replaced, not refused.
inline void print_json(const Json& json) {
    std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace gancodec::cli
