// Any bytes give a file or an Error; what was accepted can be read and written again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "gancodec/weights/safetensors.hpp"
#include "gancodec/weights/safetensors_writer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gancodec;
    try {
        const auto file = SafetensorsFile::parse(ByteView(data, size));
        SafetensorsWriter writer;
        for (const auto& [key, value] : file.metadata()) writer.metadata(key, value);
        for (const auto& [name, tensor] : file.tensors()) {
            if (tensor.size() * dtype_bytes(tensor.dtype) != file.raw(name).size()) std::abort();
            if (tensor.dtype == Dtype::f32 || tensor.dtype == Dtype::bf16 || tensor.dtype == Dtype::f16)
                writer.add_float(name, tensor.shape, file.read_float(name), tensor.dtype);
            else if (tensor.dtype == Dtype::i8 || tensor.dtype == Dtype::u16 || tensor.dtype == Dtype::i32)
                writer.add_int(name, tensor.shape, file.read_int(name), tensor.dtype);
        }
        const auto again = SafetensorsFile::parse(writer.bytes());
        if (again.metadata() != file.metadata()) std::abort();
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt_weights) std::abort();
    }
    return 0;
}
