#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "gancodec/core/error.hpp"

namespace gancodec {

/// Bytes of the UTF-8 character that starts at `text[at]`, 0 when there is none: overlong forms, surrogates and numbers
/// above U+10FFFF are refused (Unicode 15, table 3-7). Requires at < text.size().
[[nodiscard]] inline std::size_t utf8_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) -> unsigned {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
    };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool allowed = (first != 0xE0 || second >= 0xA0) && (first != 0xED || second <= 0x9F);
        return allowed && follows(1) && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool allowed = (first != 0xF0 || second >= 0x90) && (first != 0xF4 || second <= 0x8F);
        return allowed && follows(1) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

[[nodiscard]] inline bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

/// `text` as a JSON string with its quotes. Requires is_utf8(text).
[[nodiscard]] inline std::string json_quote(std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (code < 0x20 || code == 0x7F) {
            out += "\\u00";
            out += kHex[code >> 4];
            out += kHex[code & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

/// `text` from a file, made fit for one line of a message: quoted, escaped, cut where it is long. Requires is_utf8(text).
[[nodiscard]] inline std::string printable(std::string_view text) {
    constexpr std::size_t kLongest = 80;
    if (text.size() <= kLongest) return json_quote(text);
    std::size_t end = kLongest;
    while ((static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
    return json_quote(text.substr(0, end)) + "...";
}

/// Reads, piece by piece, a JSON text whose form the caller knows: it asks for what must come next.
/// Strict: RFC 8259 without extensions, strings valid UTF-8, integers unsigned and in range. The caller's own calls are
/// the nesting, so no input can make it deep, and nothing longer than the text is ever allocated.
/// Errors   Error{Errc::corrupt_weights, "where: expected …, found … at byte …"}.
class JsonReader {
public:
    JsonReader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

    /// Takes the punctuation mark `mark` if it is next.
    bool accept(char mark) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != mark) return false;
        ++at_;
        return true;
    }
    void expect(char mark) {
        if (!accept(mark)) fail(std::string("'") + mark + "'");
    }
    /// Calls `member()` for each element between `open` and `close`, commas taken.
    template <class Member>
    void list(char open, char close, Member&& member) {
        expect(open);
        if (accept(close)) return;
        do member();
        while (accept(','));
        expect(close);
    }
    /// Calls `member(key)` for each member of an object; it reads the value.
    template <class Member>
    void object(Member&& member) {
        list('{', '}', [&] {
            const std::string key = string();
            expect(':');
            member(key);
        });
    }
    [[nodiscard]] std::string string() {
        expect('"');
        std::string out;
        while (true) {
            if (at_ == text_.size()) fail("the end of a string");
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') break;
            if (c < 0x20) fail("a string without control characters");
            if (c == '\\') {
                ++at_;
                append_escape(out);
                continue;
            }
            const std::size_t length = utf8_length(text_, at_);
            if (length == 0) fail("valid UTF-8");
            out.append(text_, at_, length);
            at_ += length;
        }
        ++at_;
        return out;
    }
    [[nodiscard]] std::uint64_t unsigned_integer() {
        skip_space();
        const std::size_t start = at_;
        std::uint64_t value = 0;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
            if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) fail("an integer below 2^64");
            value = 10 * value + digit;
        }
        if (at_ == start || (text_[start] == '0' && at_ > start + 1)) fail("an unsigned integer");
        return value;
    }
    /// Throws unless only white space is left.
    void finish() {
        skip_space();
        if (at_ != text_.size()) fail("the end of the header");
    }
    [[noreturn]] void fail(const std::string& expected) const {
        const std::string found = at_ < text_.size() ? printable_here() : "the end";
        raise_error(Errc::corrupt_weights,
                    where_ + ": expected " + expected + ", found " + found + " at byte " + std::to_string(at_));
    }

private:
    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
            ++at_;
    }
    [[nodiscard]] std::string printable_here() const {
        const auto c = static_cast<unsigned char>(text_[at_]);
        if (c >= 0x20 && c < 0x7F) return std::string("'") + text_[at_] + "'";
        return "code " + std::to_string(c);
    }
    [[nodiscard]] unsigned hex4() {
        unsigned code = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = at_ < text_.size() ? text_[at_] : ' ';
            unsigned digit = 0;
            if (c >= '0' && c <= '9')
                digit = static_cast<unsigned>(c - '0');
            else if (c >= 'a' && c <= 'f')
                digit = static_cast<unsigned>(c - 'a') + 10;
            else if (c >= 'A' && c <= 'F')
                digit = static_cast<unsigned>(c - 'A') + 10;
            else
                fail("four hexadecimal digits");
            code = 16 * code + digit;
        }
        return code;
    }
    /// Requires at_ stands behind the backslash.
    void append_escape(std::string& out) {
        constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
        const char c = at_ < text_.size() ? text_[at_] : ' ';
        if (const std::size_t known = kNames.find(c); known != std::string_view::npos) {
            out += kMeanings[known];
            ++at_;
            return;
        }
        if (c != 'u') fail("an escape of JSON");
        ++at_;
        unsigned code = hex4();
        if (code >= 0xD800 && code <= 0xDBFF) {
            if (text_.substr(at_, 2) != "\\u") fail("the second half of a surrogate pair");
            at_ += 2;
            const unsigned low = hex4();
            if (low < 0xDC00 || low > 0xDFFF) fail("the second half of a surrogate pair");
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else if (code >= 0xDC00 && code <= 0xDFFF) {
            fail("the first half of a surrogate pair");
        }
        append_utf8(out, code);
    }
    static void append_utf8(std::string& out, unsigned code) {
        const auto put = [&](unsigned byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
        if (code < 0x80) return put(code);
        if (code < 0x800) {
            put(0xC0 | (code >> 6));
        } else {
            if (code < 0x10000) {
                put(0xE0 | (code >> 12));
            } else {
                put(0xF0 | (code >> 18));
                put(0x80 | ((code >> 12) & 0x3F));
            }
            put(0x80 | ((code >> 6) & 0x3F));
        }
        put(0x80 | (code & 0x3F));
    }

    std::string_view text_;
    std::string where_;
    std::size_t at_ = 0;
};

}  // namespace gancodec
