#include "base/shared_zone.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

namespace sluice {

struct SharedZone::Header {
  static constexpr uint64_t expected_magic = 0x31656e6f7a6c73;  // "slzone1"

  std::atomic<uint64_t> magic;
  uint64_t size;
  uint64_t untouched;  ///< what lies behind was never given out
  uint64_t free_bytes;
  uint64_t root;
  uint64_t free_lists[max_class +
                      1];  ///< of pieces of 2^class bytes; each begins with the next one's offset
  pthread_mutex_t mutex;
};

namespace {

constexpr uint64_t align = 16;

int class_of(size_t size) {
  return std::max<int>(SharedZone::min_class, std::bit_width(std::max<size_t>(size, 1) - 1));
}

constexpr uint64_t aligned(uint64_t offset) { return (offset + align - 1) & ~(align - 1); }

bool make_mutex(pthread_mutex_t* mutex) {
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0) return false;
  bool made = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
              pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
              pthread_mutex_init(mutex, &attributes) == 0;
  pthread_mutexattr_destroy(&attributes);
  return made;
}

/// Keeps the processes that map a zone at the same time from laying it out twice. Ends with the
/// process that holds it.
class LayoutLock {
 public:
  explicit LayoutLock(int file) : file_(file) { set(F_WRLCK); }
  ~LayoutLock() { set(F_UNLCK); }
  LayoutLock(const LayoutLock&) = delete;
  LayoutLock& operator=(const LayoutLock&) = delete;

 private:
  void set(short type) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    while (::fcntl(file_, F_SETLKW, &lock) < 0 && errno == EINTR) {
    }
  }
  int file_;
};

}  // namespace

Descriptor SharedZone::create(const char* name, size_t size) {
  Descriptor memory(::memfd_create(name, MFD_CLOEXEC));
  if (!memory || ::ftruncate(memory.get(), std::max(size, min_size)) < 0) return {};
  return memory;
}

std::optional<SharedZone> SharedZone::map(const Descriptor& memory) {
  struct stat status;
  if (::fstat(memory.get(), &status) < 0) return {};
  size_t size = status.st_size;
  if (size < min_size) return {};
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (start == MAP_FAILED) return {};

  SharedZone zone(std::launder(static_cast<Header*>(start)), size);
  LayoutLock lock(memory.get());
  Header& header = *zone.header_;
  if (header.magic.load(std::memory_order_acquire) == 0) {
    header.size = size;
    header.untouched = aligned(sizeof(Header));
    header.free_bytes = size - header.untouched;
    if (!make_mutex(&header.mutex)) return {};
    // Last: a process that died before leaves the layout to the next.
    header.magic.store(Header::expected_magic, std::memory_order_release);
  }
  if (header.magic.load() != Header::expected_magic || header.size != size) return {};
  return zone;
}

SharedZone::~SharedZone() {
  if (header_) ::munmap(header_, size_);
}

SharedZone::Lock::Lock(SharedZone& zone) : zone_(zone) {
  int result = pthread_mutex_lock(&zone_.header_->mutex);
  if (result == EOWNERDEAD) {
    owner_died_ = true;
    pthread_mutex_consistent(&zone_.header_->mutex);
  } else if (result != 0) {
    std::abort();
  }
}

SharedZone::Lock::~Lock() { pthread_mutex_unlock(&zone_.header_->mutex); }

// A process may be killed between any two stores. Each step below is one store that takes effect,
// in an order that loses a piece at worst.

uint64_t SharedZone::allocate(size_t size) {
  if (size > size_t{1} << max_class) return 0;
  int wanted = class_of(size);
  uint64_t offset = take_free(wanted);
  if (!offset) offset = take_untouched(wanted);
  if (!offset) offset = split_larger(wanted);
  if (!offset) return 0;
  uint64_t bytes = uint64_t{1} << wanted;
  header_->free_bytes -= bytes;
  std::memset(base() + offset, 0, bytes);
  return offset;
}

uint64_t SharedZone::take_free(int piece_class) {
  uint64_t offset = header_->free_lists[piece_class];
  if (!offset) return 0;
  header_->free_lists[piece_class] = *static_cast<uint64_t*>(address(offset, sizeof(uint64_t)));
  return offset;
}

uint64_t SharedZone::take_untouched(int piece_class) {
  uint64_t bytes = uint64_t{1} << piece_class;
  uint64_t offset = header_->untouched;
  if (bytes > size_ - offset) return 0;
  header_->untouched = offset + bytes;
  return offset;
}

// What was never given out is what the memory file began with: zeroes.
uint64_t SharedZone::take_rest(size_t& size) {
  uint64_t offset = header_->untouched;
  size = size_ - offset;
  if (size == 0) return 0;
  header_->untouched = size_;
  header_->free_bytes -= size;
  return offset;
}

uint64_t SharedZone::split_larger(int piece_class) {
  int larger = piece_class + 1;
  uint64_t offset = 0;
  while (larger <= max_class && !(offset = take_free(larger))) ++larger;
  if (!offset) return 0;
  while (larger-- > piece_class) add_free(offset + (uint64_t{1} << larger), larger);
  return offset;
}

void SharedZone::add_free(uint64_t offset, int piece_class) {
  *reinterpret_cast<uint64_t*>(base() + offset) = header_->free_lists[piece_class];
  std::atomic_thread_fence(std::memory_order_release);
  header_->free_lists[piece_class] = offset;
}

void SharedZone::free(uint64_t offset, size_t size) {
  int piece_class = class_of(size);
  uint64_t bytes = uint64_t{1} << piece_class;
  if (!address(offset, bytes)) return;
  add_free(offset, piece_class);
  header_->free_bytes += bytes;
}

void* SharedZone::address(uint64_t offset, size_t size) const {
  if (offset < sizeof(Header) || offset > size_ || size > size_ - offset) return nullptr;
  return base() + offset;
}

uint64_t SharedZone::root() const { return header_->root; }

void SharedZone::set_root(uint64_t offset) { header_->root = offset; }

size_t SharedZone::free_bytes() const { return header_->free_bytes; }

}  // namespace sluice
