// SPDX-License-Identifier: MIT
// A main() for the fuzz targets where there is no libFuzzer: g++ has none, and the tests should not need a second
// compiler. It knows nothing of coverage. It runs every seed as it is, then mutations of seeds, always the same ones
// for the same -seed. scripts/fuzz with libFuzzer finds new faults. This driver keeps known faults from coming back,
// and shows that the targets work. Its options have the names and meanings of libFuzzer's:
//
//   fuzz-TARGET [-runs=N] [-max_total_time=SECONDS] [-seed=N] [-max_len=BYTES] FILE-OR-FOLDER...
//
// An input during which the program dies, or that takes longer than 200 s, is written to ./crash-TARGET.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
// A function of the sanitizers, if one is linked: they end the process without a signal.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using Input = std::vector<uint8_t>;
constexpr unsigned kHang = 200;  // s

const Input *g_current = nullptr;
std::string g_crash_file, g_crash_message, g_hang_message;  // made before anything can go wrong

// Async-signal-safe calls only: the heap itself may be broken.
void say(const std::string &text) { [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size()); }

void save_current() {
  if (!g_current) return;
  const int out = ::open(g_crash_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (out >= 0 && ::write(out, g_current->data(), g_current->size()) >= 0) say(g_crash_message);
  if (out >= 0) ::close(out);
  g_current = nullptr;
}

void died(int signal) {
  if (signal == SIGALRM) say(g_hang_message);
  save_current();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const Input &input) {
  g_current = &input;
  alarm(kHang);
  LLVMFuzzerTestOneInput(input.data(), input.size());
  alarm(0);
  g_current = nullptr;
}

class Mutator {
 public:
  Mutator(uint64_t seed, size_t max_len) : random_(seed), max_len_(max_len) {}

  Input mutate(const std::vector<Input> &seeds) {
    Input input = seeds[below(seeds.size())];
    for (size_t i = 1 + below(4); i > 0; --i) step(input, seeds);
    if (input.size() > max_len_) input.resize(max_len_);
    return input;
  }

 private:
  size_t below(size_t limit) { return limit == 0 ? 0 : static_cast<size_t>(random_() % limit); }

  // Values that code often forgets: the ends of each integer type, and numbers next to them.
  uint64_t interesting() {
    static constexpr uint64_t values[] = {0,        1,          2,          7,          8,         16,         127,       128,
                                          255,      256,        4096,       32767,      32768,     65535,      65536,     INT32_MAX,
                                          1u << 31, UINT32_MAX, 1ull << 32, 1ull << 53, INT64_MAX, 1ull << 63, UINT64_MAX};
    return values[below(std::size(values))] + below(3) - 1;
  }

  void step(Input &input, const std::vector<Input> &seeds) {
    if (input.empty()) input.push_back(0);
    const size_t at = below(input.size());
    switch (below(8)) {
      case 0:
        input[at] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 1:
        input[at] = static_cast<uint8_t>(random_());
        break;
      case 2: {  // an integer of 1, 2, 4 or 8 bytes, little-endian
        const uint64_t value = interesting();
        std::memcpy(&input[at], &value, std::min<size_t>(size_t{1} << below(4), input.size() - at));
        break;
      }
      case 3:
        input.erase(input.begin() + at, input.begin() + at + 1 + below(std::min<size_t>(input.size() - at, 64)));
        break;
      case 4: {  // a piece once more, elsewhere
        const size_t length = 1 + below(std::min<size_t>(input.size() - at, 64));
        const Input piece(input.begin() + at, input.begin() + at + length);
        input.insert(input.begin() + below(input.size()), piece.begin(), piece.end());
        break;
      }
      case 5: {  // the head of this and the tail of another
        const Input &other = seeds[below(seeds.size())];
        input.resize(at);
        input.insert(input.end(), other.begin() + below(other.size() + 1), other.end());
        break;
      }
      case 6:
        input.resize(at);
        break;
      default:
        number_in_text(input, at);
    }
  }

  // JSON holds its numbers in digits.
  void number_in_text(Input &input, size_t from) {
    const auto digit = [](uint8_t c) { return c >= '0' && c <= '9'; };
    const auto begin = std::find_if(input.begin() + from, input.end(), digit);
    const auto end = std::find_if_not(begin, input.end(), digit);
    const std::string text = below(4) == 0 ? "-1e99" : std::to_string(interesting());
    const auto at = input.erase(begin, end);
    input.insert(at, text.begin(), text.end());
  }

  std::mt19937_64 random_;
  size_t max_len_;
};

Input read(const std::filesystem::path &path) {
  std::ifstream in(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

int main(int argc, char **argv) {
  uint64_t runs = 1000, seconds = 0, seed = 1, max_len = 1 << 16;
  std::vector<Input> seeds;
  if (LLVMFuzzerInitialize) LLVMFuzzerInitialize(&argc, &argv);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    bool option = false;
    for (auto [name, value] :
         {std::pair<const char *, uint64_t *>{"-runs=", &runs}, {"-max_total_time=", &seconds}, {"-seed=", &seed}, {"-max_len=", &max_len}})
      if (argument.starts_with(name)) {
        *value = std::strtoull(argument.c_str() + std::strlen(name), nullptr, 10);
        option = true;
      }
    if (option) continue;
    std::error_code error;
    std::vector<std::filesystem::path> files;
    if (std::filesystem::is_directory(argument, error)) {
      for (const auto &entry : std::filesystem::directory_iterator(argument))
        if (entry.is_regular_file()) files.push_back(entry.path());
      std::sort(files.begin(), files.end());  // the same seed, the same runs, on every machine
    } else {
      files.push_back(argument);
    }
    for (const auto &file : files) {
      if (!std::filesystem::is_regular_file(file, error)) {
        std::fprintf(stderr, "%s: %s is neither a seed nor a folder of seeds\n", argv[0], argument.c_str());
        return 2;
      }
      seeds.push_back(read(file));
    }
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "%s: give seeds, or folders of seeds\n", argv[0]);
    return 2;
  }
  g_crash_file = "crash-" + std::filesystem::path(argv[0]).filename().string();
  g_crash_message = "the input is in " + g_crash_file + "\n";
  g_hang_message = "an input took longer than " + std::to_string(kHang) + " s\n";
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM}) std::signal(signal, died);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(save_current);

  const auto begin = std::chrono::steady_clock::now();
  for (const Input &input : seeds) run(input);
  Mutator mutator(seed, max_len);
  uint64_t done = 0;
  for (; done < runs; ++done) {
    if (seconds > 0 && std::chrono::steady_clock::now() - begin > std::chrono::seconds(seconds)) break;
    run(mutator.mutate(seeds));
  }
  std::printf("%zu seeds and %llu mutations of them: no fault\n", seeds.size(), static_cast<unsigned long long>(done));
  return 0;
}
