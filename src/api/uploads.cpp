#include "api/uploads.hpp"

#include "base/log.hpp"

namespace facet::api {
namespace {

Error UnknownField(std::string_view expected, const std::string& found) {
    return {Code::kInvalidArgument,
            "files belong into the field \"" + std::string(expected) + "\", not \"" + found + "\"",
            ""};
}

}  // namespace

/// A file that is refused (too large, not a picture) does not end the upload of the others: what
/// still comes of it is dropped.
class LibraryUpload::Sink final : public net::PartSink {
public:
    Sink(LibraryUpload& upload, std::string file_name,
         std::unique_ptr<store::BlobStore::Incoming> incoming, std::stop_token stop)
        : upload_(upload),
          file_name_(std::move(file_name)),
          incoming_(std::move(incoming)),
          stop_(std::move(stop)) {}

    Result<void> Write(std::span<const std::byte> bytes) override {
        if (!incoming_) return {};
        if (auto written = incoming_->Write(bytes); !written) {
            if (written.error().code != Code::kTooLarge) return written;
            Record(std::unexpected(std::move(written).error()));
            incoming_.reset();
        }
        return {};
    }

    Result<void> Close() override {
        if (!incoming_) return {};
        auto accepted = upload_.services_.intake.Accept(std::move(incoming_), file_name_,
                                                        store::Origin::kUpload, "",
                                                        tasks::kPriorityNormal, stop_);
        const bool disk_failed = !accepted && accepted.error().code == Code::kUnavailable;
        Record(std::move(accepted));
        if (disk_failed) return std::unexpected(upload_.files_.back().outcome.error());
        return {};
    }

private:
    void Record(Result<pipeline::Accepted> outcome) {
        if (!outcome) {
            log::Info("upload.refused", {{"code", CodeName(outcome.error().code)},
                                         {"error", outcome.error().message}});
        }
        upload_.files_.push_back({file_name_, std::move(outcome)});
    }

    LibraryUpload& upload_;
    const std::string file_name_;
    std::unique_ptr<store::BlobStore::Incoming> incoming_;  // none: refused
    const std::stop_token stop_;
};

LibraryUpload::LibraryUpload(Services& services, Caller caller, std::string field)
    : services_(services), caller_(std::move(caller)), field_(std::move(field)) {}

Result<std::unique_ptr<net::PartSink>> LibraryUpload::OpenPart(const net::Request& request,
                                                               const net::PartInfo& part) {
    if (part.field != field_) return std::unexpected(UnknownField(field_, part.field));
    FACET_TRY(incoming, services_.intake.Begin());
    return std::make_unique<Sink>(*this, part.file_name, std::move(incoming), request.stop);
}

class PictureUpload::Sink final : public net::PartSink {
public:
    explicit Sink(PictureUpload& upload) : upload_(upload) {}

    Result<void> Write(std::span<const std::byte> bytes) override {
        if (upload_.picture_.size() + bytes.size() > upload_.max_bytes_) {
            return Fail(Code::kTooLarge, "the picture is larger than " +
                                             std::to_string(upload_.max_bytes_ >> 20) + " MiB");
        }
        upload_.picture_.insert(upload_.picture_.end(), bytes.begin(), bytes.end());
        return {};
    }
    Result<void> Close() override { return {}; }

private:
    PictureUpload& upload_;
};

PictureUpload::PictureUpload(std::string field, std::uint64_t max_bytes)
    : field_(std::move(field)), max_bytes_(max_bytes) {}

Result<std::unique_ptr<net::PartSink>> PictureUpload::OpenPart(const net::Request& /*request*/,
                                                               const net::PartInfo& part) {
    if (part.field != field_) return std::unexpected(UnknownField(field_, part.field));
    if (has_picture_) return Fail(Code::kInvalidArgument, "send one picture only");
    has_picture_ = true;
    return std::make_unique<Sink>(*this);
}

}  // namespace facet::api
