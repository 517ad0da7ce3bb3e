#pragma once

namespace gancodec::cli {

/// Asks the system to back all memory that the process will take by pages of 2 MiB (Linux with glibc; elsewhere nothing
/// happens). A short run takes 60 MB or more once: faulting them in by 4 KiB costs as much time as decoding a picture.
/// Call it first in main().
void prefer_huge_pages();

}  // namespace gancodec::cli
