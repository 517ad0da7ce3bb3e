#pragma once

#include <png.h>

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <new>

// What reading and writing PNG share.
// libpng leaves a failed call by longjmp, which runs no destructor. Therefore every function that calls setjmp here is
// small, holds plain data only and answers with a bool; what owns memory lives in its callers.

namespace gancodec::cli::png {

inline constexpr std::size_t kMessageBytes = 160;
inline constexpr char kXmpKeyword[] = "XML:com.adobe.xmp";

struct Messages {
    char error[kMessageBytes] = {};
    char warning[kMessageBytes] = {};  // the first one: a damaged file can give thousands
};

[[noreturn]] inline void on_error(png_structp png, png_const_charp text) {
    auto* messages = static_cast<Messages*>(png_get_error_ptr(png));
    std::snprintf(messages->error, kMessageBytes, "%s", text);
    std::longjmp(*png_set_longjmp_fn(png, std::longjmp, sizeof(std::jmp_buf)), 1);
}
inline void on_warning(png_structp png, png_const_charp text) {
    auto* messages = static_cast<Messages*>(png_get_error_ptr(png));
    if (messages->warning[0] == '\0') std::snprintf(messages->warning, kMessageBytes, "%s", text);
}

struct Reader {
    Messages messages;
    png_structp png = nullptr;
    png_infop info = nullptr;

    Reader() : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &messages, on_error, on_warning)) {
        if (png != nullptr) info = png_create_info_struct(png);
        if (info == nullptr) {
            png_destroy_read_struct(&png, nullptr, nullptr);
            throw std::bad_alloc();
        }
    }
    ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
};

struct Writer {
    Messages messages;
    png_structp png = nullptr;
    png_infop info = nullptr;

    Writer() : png(png_create_write_struct(PNG_LIBPNG_VER_STRING, &messages, on_error, on_warning)) {
        if (png != nullptr) info = png_create_info_struct(png);
        if (info == nullptr) {
            png_destroy_write_struct(&png, nullptr);
            throw std::bad_alloc();
        }
    }
    ~Writer() { png_destroy_write_struct(&png, &info); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
};

}  // namespace gancodec::cli::png
