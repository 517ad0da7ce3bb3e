#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gancodec/bitstream/reader.hpp"
#include "gancodec/bitstream/writer.hpp"
#include "gancodec/entropy/plane_coder.hpp"

namespace gancodec {

/// What belongs to a picture beside its colours; what is empty is not there.
struct Attachments {
    Bytes alpha;  ///< [height][width], 255 is opaque; kept without loss
    Bytes icc;    ///< an ICC profile
    Bytes exif;   ///< from its byte order mark on
    Bytes xmp;    ///< a packet

    [[nodiscard]] bool empty() const { return alpha.empty() && icc.empty() && exif.empty() && xmp.empty(); }
    friend bool operator==(const Attachments&, const Attachments&) = default;
};

/// Attachments as sections of a stream:
///   const CodedAttachments coded({.alpha = mask}, image.width, image.height);
///   Bytes bytes = coded.attach(codec.encode_to_size(image, most - coded.bytes()).bytes);
class CodedAttachments {
public:
    CodedAttachments() = default;
    /// Errors  Error{invalid_argument} for alpha of another size, Error{limit} for sections that are too long.
    CodedAttachments(const Attachments& attachments, int width, int height) {
        const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
        if (!attachments.alpha.empty() && attachments.alpha.size() != pixels)
            raise_error(Errc::invalid_argument, "alpha: expected " + std::to_string(pixels) + " bytes, found " +
                                                    std::to_string(attachments.alpha.size()));
        const auto add = [&](MetadataTag tag, const char* name, Bytes bytes) {
            if (bytes.empty()) return;
            require_metadata(tag, bytes.size(), name);
            sections_.emplace_back(tag, std::move(bytes));
        };
        add(MetadataTag::icc, "ICC profile", attachments.icc);
        add(MetadataTag::exif, "EXIF", attachments.exif);
        add(MetadataTag::xmp, "XMP", attachments.xmp);
        if (!attachments.alpha.empty())
            add(MetadataTag::alpha, "alpha", encode_plane(attachments.alpha, width, height));
    }

    [[nodiscard]] bool empty() const { return sections_.empty(); }
    /// By how much a stream without metadata grows.
    [[nodiscard]] std::size_t bytes() const {
        if (empty()) return 0;
        std::size_t total = 1;
        for (const auto& [tag, bytes] : sections_) {
            Bytes length;
            append_varint(length, static_cast<std::uint32_t>(bytes.size()));
            total += 1 + length.size() + bytes.size() + sizeof(std::uint32_t);
        }
        return total;
    }
    /// The stream with these sections and no others.
    /// Errors  as read_stream()
    [[nodiscard]] Bytes attach(ByteView stream) const {
        Stream parts = read_stream(stream);
        parts.metadata.clear();
        for (const auto& [tag, bytes] : sections_) parts.metadata.push_back({tag, bytes});
        return write_stream(parts);
    }

private:
    std::vector<std::pair<MetadataTag, Bytes>> sections_;
};

/// What is attached to a stream. No weights are wanted for that, and the symbols are not looked at.
/// Errors  Error{corrupt_stream, unsupported, limit}.
[[nodiscard]] inline Attachments read_attachments(ByteView stream, const Limits& limits = {}) {
    const StreamLayout layout = read_layout(stream, limits);
    Attachments found;
    for (const auto& [tag, bytes] : layout.metadata) {
        const auto copy = [view = bytes] { return Bytes(view.begin(), view.end()); };
        if (tag == MetadataTag::icc) found.icc = copy();
        if (tag == MetadataTag::exif) found.exif = copy();
        if (tag == MetadataTag::xmp) found.xmp = copy();
        if (tag != MetadataTag::alpha) continue;
        const int width = layout.header.width, height = layout.header.height;
        require_memory(static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height), limits, "alpha");
        found.alpha = decode_plane(bytes, width, height);
    }
    return found;
}

}  // namespace gancodec
