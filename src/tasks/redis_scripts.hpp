#pragma once

#include "base/db/redis.hpp"

/// The Lua scripts of the Redis engine: each is one step of the state machine, done whole or not at
/// all. Keys and invariants: docs/format/redis.md. Private to this module.
///
/// ARGV[1] is the prefix of all keys, ARGV[2] the time in milliseconds or empty for the server's.
/// What follows is named at each script.
namespace facet::tasks::scripts {

/// id, message, list, priority, attempts at most, delay -> 1, or 0 for a known id.
const redis::Script& Enqueue();
/// worker, lease, attempts at most for tasks not enqueued by us, lists in order -> a view, or nil.
const redis::Script& Reserve();
/// lists in order -> milliseconds until a task is due, or -1.
const redis::Script& Ready();
/// id, token, extension -> {end of the lease, cancelled}, or nil when the lease is lost.
const redis::Script& Renew();
/// id, token, how, result or error code, error message, delay or instant, key of the result, its
/// life in seconds, then pairs of state and document -> the state, or nil when the lease is lost.
/// How: complete, fail, retry, release, lost (its lease has expired), defer (not due yet), drop
/// (revoked or expired before its start).
const redis::Script& End();
/// id, key of the result, its life in seconds, document -> the state, or "unknown".
const redis::Script& Cancel();
/// id, key of the result -> the state it was in, or "unknown".
const redis::Script& Requeue();
/// prefix of the worker's name, pause, doublings at most -> how many leases.
const redis::Script& Reclaim();
/// -> {how many became due, {id of each that must end}}.
const redis::Script& TakeBack();
/// before, how many at most -> how many.
const redis::Script& Purge();
/// id, key of the result -> "ok", "missing" or "conflict".
const redis::Script& Forget();
/// lists -> {queued, delayed, leased, done, failed, dead, cancelled}.
const redis::Script& Stats();
/// how many, before, states -> views, newest first.
const redis::Script& List();
/// text of a message, why: puts it on the dead list.
const redis::Script& Bury();

/// The fields of a task's record, in the order of a view; a view is the id and these.
inline constexpr const char* kViewFields[] = {
    "msg",  "state",  "prio",   "nb",      "seq",     "att",      "max",   "result", "ecode",
    "emsg", "cancel", "worker", "created", "started", "finished", "token", "until"};

}  // namespace facet::tasks::scripts
