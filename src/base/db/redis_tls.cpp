#include "base/db/redis_tls.hpp"

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>

namespace facet::redis {
namespace {

struct FreeContext {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};

std::string OpensslText() {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    ERR_clear_error();
    return text.data();
}

std::unexpected<Error> BadFile(std::string_view what, const std::string& file) {
    return Fail(Code::kInvalidArgument, "Redis: " + std::string(what) + " cannot be read",
                file + ": " + OpensslText());
}

bool IsAddress(const std::string& host) {
    return host.find(':') != std::string::npos ||
           host.find_first_not_of("0123456789.") == std::string::npos;
}

Result<void> UseFiles(SSL_CTX* context, const Url& url) {
    if (!url.ca_file.empty()) {
        if (SSL_CTX_load_verify_locations(context, url.ca_file.c_str(), nullptr) != 1) {
            return BadFile("the CA file", url.ca_file);
        }
    } else {
        SSL_CTX_set_default_verify_paths(context);
    }
    if (!url.certificate_file.empty() &&
        SSL_CTX_use_certificate_chain_file(context, url.certificate_file.c_str()) != 1) {
        return BadFile("the certificate file", url.certificate_file);
    }
    if (!url.key_file.empty() &&
        SSL_CTX_use_PrivateKey_file(context, url.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        return BadFile("the key file", url.key_file);
    }
    return {};
}

}  // namespace

Result<void> StartTls(redisContext& context, const Url& url) {
    const std::unique_ptr<SSL_CTX, FreeContext> settings(SSL_CTX_new(TLS_client_method()));
    if (!settings) return Fail(Code::kUnavailable, "no TLS", OpensslText());
    SSL_CTX_set_min_proto_version(settings.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(settings.get(), url.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    FACET_TRY_VOID(UseFiles(settings.get(), url));

    SSL* const ssl = SSL_new(settings.get());  // taken over by hiredis when it succeeds
    if (ssl == nullptr) return Fail(Code::kUnavailable, "no TLS", OpensslText());
    const bool address = IsAddress(url.host);
    if (!address) SSL_set_tlsext_host_name(ssl, url.host.c_str());
    const bool named = address
                           ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url.host.c_str())
                           : SSL_set1_host(ssl, url.host.c_str());
    if (!named) {
        SSL_free(ssl);
        return Fail(Code::kInvalidArgument, "Redis: no certificate can name this host", url.host);
    }
    if (redisInitiateSSL(&context, ssl) != REDIS_OK) {
        SSL_free(ssl);
        return Fail(Code::kUnavailable, "Redis: no TLS connection", context.errstr);
    }
    return {};
}

}  // namespace facet::redis
