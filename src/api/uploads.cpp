#include "api/uploads.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "api/dto.hpp"
#include "api/errors.hpp"
#include "base/log.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

Error UnknownField(std::string_view expected, const std::string& found) {
    return {Code::kInvalidArgument,
            "files belong into the field \"" + std::string(expected) + "\", not \"" + found + "\"",
            ""};
}

}  // namespace

net::Response UploadAnswer(std::span<const ReceivedFile> files, const net::Request& request) {
    json::array accepted;
    json::array rejected;
    const ReceivedFile* first_rejected = nullptr;
    bool created = false;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const ReceivedFile& file = files[i];
        if (file.outcome) {
            created = created || !file.outcome->duplicate;
            accepted.push_back(json::object{{"index", i},
                                            {"filename", file.file_name},
                                            {"media", ToJson(file.outcome->media)},
                                            {"task_id", file.outcome->task_id},
                                            {"duplicate", file.outcome->duplicate}});
            continue;
        }
        const Error& error = file.outcome.error();
        if (first_rejected == nullptr) first_rejected = &file;
        const auto code = file.refusal.code.empty() ? CodeName(error.code) : file.refusal.code;
        rejected.push_back(json::object{{"index", i},
                                        {"filename", file.file_name},
                                        {"error", {{"code", code}, {"message", error.message}}}});
    }
    if (accepted.empty() && files.size() == 1) {
        return ErrorResponse(first_rejected->outcome.error(), request, first_rejected->refusal.code,
                             first_rejected->refusal.status);
    }
    int status = created ? 202 : 200;
    if (accepted.empty()) {
        const int finer = first_rejected->refusal.status;
        status = finer != 0 ? finer : HttpStatus(first_rejected->outcome.error().code);
    }
    return JsonResponse(status,
                        {{"accepted", std::move(accepted)}, {"rejected", std::move(rejected)}});
}

/// A file that is refused (too large, not a picture) does not end the upload of the others: what
/// still comes of it is dropped.
class LibraryUpload::Sink final : public net::PartSink {
public:
    /// Without `incoming` nothing is kept.
    Sink(LibraryUpload& upload, const net::Request& request, std::string file_name,
         std::unique_ptr<store::BlobStore::Incoming> incoming)
        : upload_(upload),
          file_name_(std::move(file_name)),
          incoming_(std::move(incoming)),
          stop_(request.stop) {
        if (HasKey(request)) hash_.emplace();
    }

    Result<void> Write(std::span<const std::byte> bytes) override {
        if (hash_) hash_->Update(bytes);
        if (!incoming_) return {};
        if (auto written = incoming_->Write(bytes); !written) {
            if (written.error().code != Code::kTooLarge) return written;
            Record(std::unexpected(std::move(written).error()));
            incoming_.reset();
        }
        return {};
    }

    Result<void> Close() override {
        if (hash_) upload_.content_.AddFile(ToHex(hash_->Finish()));
        if (!incoming_) return {};
        auto accepted = upload_.services_.intake.Accept(std::move(incoming_), file_name_,
                                                        {.collection = upload_.collection_}, stop_);
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
    std::optional<Sha256> hash_;  // besides the one of `incoming_`, which ends where it is refused
    std::unique_ptr<store::BlobStore::Incoming> incoming_;
    const std::stop_token stop_;
};

LibraryUpload::LibraryUpload(Services& services, Caller caller, std::string field,
                             CollectionId collection)
    : services_(services),
      caller_(std::move(caller)),
      field_(std::move(field)),
      collection_(collection) {}

Result<std::unique_ptr<net::PartSink>> LibraryUpload::OpenPart(const net::Request& request,
                                                               const net::PartInfo& part) {
    if (part.field != field_) return std::unexpected(UnknownField(field_, part.field));
    if (!repetition_) {
        FACET_TRY(repetition,
                  IsRepetition(services_.access, {.request = request, .caller = caller_}));
        repetition_ = repetition;
    }
    if (*repetition_) {
        return std::make_unique<Sink>(*this, request, part.file_name, nullptr);
    }
    FACET_TRY(incoming, services_.intake.Begin());
    return std::make_unique<Sink>(*this, request, part.file_name, std::move(incoming));
}

net::Response LibraryUpload::Once(const net::Request& request,
                                  const std::function<net::Response()>& answer) const {
    return AnswerOnce(services_.access, {.request = request, .caller = caller_},
                      content_.Finish(request.fields), [&] {
                          if (!repetition_.value_or(false)) return answer();
                          // What it repeats was given up, or is forgotten, since it began.
                          return ErrorResponse(
                              {Code::kUnavailable, "nothing was taken in: repeat the request", ""},
                              request);
                      });
}

class PictureUpload::Sink final : public net::PartSink {
public:
    Sink(std::vector<std::byte>& picture, std::uint64_t max_bytes)
        : picture_(picture), max_bytes_(max_bytes) {}

    Result<void> Write(std::span<const std::byte> bytes) override {
        if (picture_.size() + bytes.size() > max_bytes_) {
            return Fail(Code::kTooLarge,
                        "the picture is larger than " + std::to_string(max_bytes_ >> 20) + " MiB");
        }
        picture_.insert(picture_.end(), bytes.begin(), bytes.end());
        return {};
    }
    Result<void> Close() override { return {}; }

private:
    std::vector<std::byte>& picture_;
    const std::uint64_t max_bytes_;
};

PictureUpload::PictureUpload(std::vector<std::string> fields, std::uint64_t max_bytes)
    : fields_(std::move(fields)), max_bytes_(max_bytes) {}

const std::vector<std::byte>* PictureUpload::picture(std::string_view field) const {
    const auto found = pictures_.find(field);
    return found == pictures_.end() ? nullptr : &found->second;
}

Result<std::unique_ptr<net::PartSink>> PictureUpload::OpenPart(const net::Request& /*request*/,
                                                               const net::PartInfo& part) {
    if (std::ranges::find(fields_, part.field) == fields_.end()) {
        return std::unexpected(UnknownField(fields_.front(), part.field));
    }
    const auto [at, fresh] = pictures_.try_emplace(part.field);
    if (!fresh) return Fail(Code::kInvalidArgument, "send one picture only");
    return std::make_unique<Sink>(at->second, max_bytes_);
}

}  // namespace facet::api
