#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/services.hpp"
#include "net/message.hpp"
#include "store/types.hpp"

namespace facet::api {

/// What became of one file of an upload: accepted, or the reason why not.
struct ReceivedFile {
    std::string file_name;
    Result<pipeline::Accepted> outcome;
};

/// An upload whose files are taken into the library as they arrive: a part is recorded when its
/// last byte is on disk, so that what came before a broken connection is kept.
class LibraryUpload : public net::Upload {
public:
    /// Parts of other names are refused.
    LibraryUpload(Services& services, Caller caller, std::string field);

    Result<std::unique_ptr<net::PartSink>> OpenPart(const net::Request& request,
                                                    const net::PartInfo& part) override;

protected:
    const std::vector<ReceivedFile>& files() const noexcept { return files_; }

private:
    class Sink;
    Services& services_;
    const Caller caller_;
    const std::string field_;
    std::vector<ReceivedFile> files_;
};

/// An upload of one small picture that is kept in memory and never written.
class PictureUpload : public net::Upload {
public:
    PictureUpload(std::string field, std::uint64_t max_bytes);

    Result<std::unique_ptr<net::PartSink>> OpenPart(const net::Request& request,
                                                    const net::PartInfo& part) override;

protected:
    bool has_picture() const noexcept { return has_picture_; }
    const std::vector<std::byte>& picture() const noexcept { return picture_; }

private:
    class Sink;
    const std::string field_;
    const std::uint64_t max_bytes_;
    bool has_picture_ = false;
    std::vector<std::byte> picture_;
};

}  // namespace facet::api
