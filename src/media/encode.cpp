#include <vips/vips.h>

#include <cstring>
#include <memory>
#include <string>

#include "media/decode.hpp"

namespace facet::media {
namespace {

struct Unref {
    void operator()(void* object) const noexcept { g_object_unref(object); }
};

/// Runs `save` on the pixels; copies them first only where rows have gaps.
template <class Save>
Result<std::vector<std::byte>> Encode(ImageView image, Save save) {
    FACET_CHECK(!image.empty());
    Image packed;
    const std::ptrdiff_t row_bytes = std::ptrdiff_t{3} * image.width;
    if (image.stride != row_bytes) {
        packed = Crop(image, 0, 0, image.width, image.height);
        image = packed.View();
    }
    const std::unique_ptr<VipsImage, Unref> pixels(
        vips_image_new_from_memory(image.data, static_cast<std::size_t>(row_bytes) * image.height,
                                   image.width, image.height, 3, VIPS_FORMAT_UCHAR));
    void* buffer = nullptr;
    std::size_t length = 0;
    if (!pixels || save(pixels.get(), &buffer, &length) != 0) {
        char* text = vips_error_buffer_copy();
        std::string complaint(text != nullptr ? text : "");
        g_free(text);
        return Fail(Code::kInternal, "the picture cannot be encoded", std::move(complaint));
    }
    std::vector<std::byte> bytes(length);
    std::memcpy(bytes.data(), buffer, length);
    ::explicit_bzero(buffer, length);  // no second copy is to stay in free memory
    g_free(buffer);
    return bytes;
}

}  // namespace

Result<std::vector<std::byte>> EncodeJpeg(ImageView image, int quality) {
    FACET_CHECK(quality >= 1 && quality <= 100);
    return Encode(image, [quality](VipsImage* pixels, void** buffer, std::size_t* length) {
        return vips_jpegsave_buffer(pixels, buffer, length, "Q", quality, "keep",
                                    VIPS_FOREIGN_KEEP_NONE, nullptr);
    });
}

Result<std::vector<std::byte>> EncodePng(ImageView image) {
    return Encode(image, [](VipsImage* pixels, void** buffer, std::size_t* length) {
        return vips_pngsave_buffer(pixels, buffer, length, "keep", VIPS_FOREIGN_KEEP_NONE, nullptr);
    });
}

}  // namespace facet::media
