#include <vips/vips.h>

#include "media/decode.hpp"

namespace facet::media {
namespace {

/// libvips warns on stderr of every oddity in a file; what matters comes back as error values.
void Discard(const gchar*, GLogLevelFlags, const gchar*, gpointer) {}

/// libvips can be started once in a process, so it ends only with the process.
struct Vips {
    Vips() {
        g_log_set_handler("VIPS",
                          static_cast<GLogLevelFlags>(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE |
                                                      G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG),
                          Discard, nullptr);
        FACET_CHECK(vips_init("facet") == 0);
        vips_block_untrusted_set(TRUE);
        vips_cache_set_max(0);
        vips_cache_set_max_mem(0);
        vips_cache_set_max_files(0);
        vips_concurrency_set(1);
    }
    ~Vips() { vips_shutdown(); }
};

}  // namespace

ImageLibrary::ImageLibrary() { static const Vips vips; }

}  // namespace facet::media
