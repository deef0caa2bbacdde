#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

/// Memory of C++ objects is overwritten when it is given back: copies of vectors and pictures, made
/// on the way of an answer, are not to outlive an erasure. Small pieces hold none of them, and
/// large ones hold pixels that are soon written over. Sanitizers bring functions of their own, with
/// which these do not go.
#ifndef FACET_SANITIZED
namespace {

void WipeAndFree(void* memory) noexcept {
    constexpr std::size_t kLeast = 512;
    constexpr std::size_t kMost = 1 << 20;
    const std::size_t size = ::malloc_usable_size(memory);
    if (size >= kLeast && size <= kMost) ::explicit_bzero(memory, size);
    std::free(memory);
}

}  // namespace

void operator delete(void* memory) noexcept { WipeAndFree(memory); }
void operator delete[](void* memory) noexcept { WipeAndFree(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { WipeAndFree(memory); }
void operator delete[](void* memory, std::size_t /*size*/) noexcept { WipeAndFree(memory); }
#endif
