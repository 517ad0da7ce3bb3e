#include <cstdio>

#include <gancodec.hpp>

int main() {
    try {
        static_cast<void>(gancodec::inspect({}));
    } catch (const gancodec::Error& error) {
        std::printf("gancodec %d.%d refuses an empty stream: %s\n", GANCODEC_VERSION_MAJOR, GANCODEC_VERSION_MINOR,
                    error.what());
        return error.code() == gancodec::Errc::corrupt_stream ? 0 : 1;
    }
    return 1;
}
