// libFuzzer: hostile recipes give a recipe or an Error; what was accepted is read back from its own text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "recipe_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gancodec;
    using namespace gancodec::cli;
    try {
        const std::string text = recipe_text(parse_recipe(ByteView(data, size), "recipe"));
        const ByteView again(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
        if (recipe_text(parse_recipe(again, "its text")) != text) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::invalid_argument) std::abort();
    }
    return 0;
}
