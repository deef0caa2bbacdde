#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/once.hpp"
#include "api/services.hpp"
#include "net/message.hpp"
#include "store/types.hpp"

namespace facet::api {

/// What became of one file of an upload: accepted, or the reason why not.
struct ReceivedFile {
    std::string file_name;
    Result<pipeline::Accepted> outcome;
    /// How the API names the reason, where it is finer than the code of the error.
    struct Refusal {
        std::string_view code{};
        int status = 0;
    } refusal{};
};

/// The answer of the native API to files that came in together; there is one at least. The error of
/// a single file that was refused is that of the request.
net::Response UploadAnswer(std::span<const ReceivedFile> files, const net::Request& request);

/// An upload whose files are taken into the library as they arrive: a part is recorded when its
/// last byte is on disk, so that what came before a broken connection is kept. Of a repetition
/// (see AnswerOnce) nothing is taken in.
class LibraryUpload : public net::Upload {
public:
    /// Into this collection. Parts of other names are refused.
    LibraryUpload(Services& services, Caller caller, std::string field, CollectionId collection);

    Result<std::unique_ptr<net::PartSink>> OpenPart(const net::Request& request,
                                                    const net::PartInfo& part) override;

protected:
    const std::vector<ReceivedFile>& files() const noexcept { return files_; }
    /// A repetition gets the first answer again.
    net::Response Once(const net::Request& request,
                       const std::function<net::Response()>& answer) const;

private:
    class Sink;
    Services& services_;
    const Caller caller_;
    const std::string field_;
    const CollectionId collection_;
    std::optional<bool> repetition_;  // known from the first part on
    UploadContent content_;
    std::vector<ReceivedFile> files_;
};

/// An upload of small pictures, one for each of the named fields, that are kept in memory and never
/// written.
class PictureUpload : public net::Upload {
public:
    PictureUpload(std::vector<std::string> fields, std::uint64_t max_bytes);

    Result<std::unique_ptr<net::PartSink>> OpenPart(const net::Request& request,
                                                    const net::PartInfo& part) override;

protected:
    /// Null when it was not sent.
    const std::vector<std::byte>* picture(std::string_view field) const;

private:
    class Sink;
    const std::vector<std::string> fields_;
    const std::uint64_t max_bytes_;
    std::map<std::string, std::vector<std::byte>, std::less<>> pictures_;
};

}  // namespace facet::api
