#pragma once

#include <functional>
#include <string_view>

#include "api/caller.hpp"
#include "store/access_store.hpp"

namespace facet::api {

/// Answers a request that may carry an Idempotency-Key: a repetition within a day gets the first
/// answer again, with `Idempotency-Replayed: true`; while the first is under way 409, and the same
/// key for another request 422. Answers from 500 on are not kept. Nothing that is asked or answered
/// so may hold a secret: the answer is kept as it is, and a fast hash of a password can be guessed.
///
/// `content` stands for all that the request asks for beside its method, path and query: the body,
/// or for an upload the hashes of its files. Without the header: just `answer`.
net::Response AnswerOnce(store::AccessStore& store, const Call& call, std::string_view content,
                         const std::function<net::Response()>& answer);

/// Whether the request carries an Idempotency-Key, so that AnswerOnce needs to know its content.
bool HasKey(const net::Request& request);

/// Whether the request carries an Idempotency-Key that is in use, so that AnswerOnce will not ask
/// for an answer. Errors: kInvalidArgument (not a key).
Result<bool> IsRepetition(store::AccessStore& store, const Call& call);

/// What `content` of a multipart upload is: the fields and the SHA-256 of each file.
class UploadContent {
public:
    void AddFile(std::string_view sha256);
    std::string Finish(const net::Params& fields) const;

private:
    std::string text_;
};

}  // namespace facet::api
