// SPDX-License-Identifier: MIT
// See mapped_file.h.
#include "checkpoint/formats/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sta {

Result<std::shared_ptr<MappedFile>> MappedFile::open(const std::string &path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{STA_ERROR_NOT_FOUND, path + ": " + std::strerror(errno)};
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return Error{STA_ERROR_BAD_MODEL, path + ": not a regular file"};
  }
  if (info.st_size == 0) {
    ::close(fd);
    return Error{STA_ERROR_BAD_MODEL, path + ": file is empty"};
  }
  const size_t size = static_cast<size_t>(info.st_size);
  // The mapping is private and writable. LibTorch believes that the memory of from_blob's tensors is writable. A stray
  // write then changes this process's copy only.
  void *data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (data == MAP_FAILED) return Error{STA_ERROR_NOT_FOUND, path + ": cannot map: " + std::strerror(errno)};
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<const uint8_t *>(data), size));
}

void MappedFile::forget(const void *begin, size_t bytes) const {
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE)), from = (reinterpret_cast<uintptr_t>(begin) + page - 1) / page * page,
                  to = (reinterpret_cast<uintptr_t>(begin) + bytes) / page * page;
  if (from < to) madvise(reinterpret_cast<void *>(from), to - from, MADV_DONTNEED);  // only a hint
}

MappedFile::~MappedFile() { munmap(const_cast<uint8_t *>(data_), size_); }

}  // namespace sta
