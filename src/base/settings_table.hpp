#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/settings.hpp"

/// The table that settings.cpp reads, checks and prints settings by. For that file alone.
namespace facet {

using Target = std::variant<bool*, std::uint64_t*, double*, std::string*, std::filesystem::path*,
                            log::Level*, log::Format*, std::vector<std::string>*>;

/// Whether a value may be shown. A secret can also be given as NAME_FILE, the path of a file that
/// holds it.
enum class Kept : std::uint8_t {
    kOpen,
    kSecret,   // shown as ***
    kAddress,  // shown without the password in it
};

struct Setting {
    std::string_view key;
    std::string_view standard;  // default
    Target (*target)(Settings&);
    std::string_view meaning;
    double low = 0;
    double high = 1e18;
    std::string_view alias = {};  // environment name of the original system, or a usual one
    Kept kept = Kept::kOpen;
};

#define FACET_SETTING(member) [](Settings& s) -> Target { return &s.member; }

inline constexpr double kMebi = 1024.0 * 1024.0;

inline const std::array kSettings = {
    Setting{"data.folder", "./data", FACET_SETTING(data.folder),
            "Where everything is kept: database, originals, crops."},
    Setting{"data.database", "", FACET_SETTING(data.database),
            "Database file; empty: facet.db in the data folder."},
    Setting{"database.url", "", FACET_SETTING(database.url),
            "PostgreSQL server, postgresql://…; empty: the built-in database. Goes with redis.url.",
            0, 0, "DATABASE_URL", Kept::kAddress},
    Setting{"database.pool", "8", FACET_SETTING(database.pool),
            "Connections to PostgreSQL that one process opens at most.", 3, 200},
    Setting{"redis.url", "", FACET_SETTING(redis.url),
            "Redis or Valkey server, redis://… or rediss://…; empty: the built-in queue and cache.",
            0, 0, "REDIS_URL", Kept::kAddress},
    Setting{"redis.key_prefix", "", FACET_SETTING(redis.key_prefix),
            "Put before every key and channel (Celery's global_keyprefix)."},
    Setting{"redis.queues", "celery", FACET_SETTING(redis.queues),
            "Celery queues that workers take tasks from, by commas; ours go to the first."},
    Setting{"celery.worker_name", "", FACET_SETTING(celery.worker_name),
            "Name of this worker for Celery and Flower; empty: facet@ and the host's name."},
    Setting{"celery.folder", "", FACET_SETTING(celery.folder),
            "Without Redis, Celery's programs and Flower find Facet in this folder, and who may "
            "write into it can queue tasks; empty: celery in the data folder; off: none."},
    Setting{"celery.remote_control", "read", FACET_SETTING(celery.remote_control),
            "What Celery's remote control may do: off, read, or full (who reaches Redis, or may "
            "write into celery.folder, may then revoke tasks and stop workers)."},
    Setting{"storage.url", "", FACET_SETTING(storage.url),
            "Where originals and crops are: s3://BUCKET or s3://BUCKET/PREFIX; empty: the data "
            "folder.",
            0, 0, "STORAGE_URL"},
    Setting{"storage.endpoint", "", FACET_SETTING(storage.endpoint),
            "Address of the object storage, http(s)://HOST:PORT; empty: Amazon's.", 0, 0,
            "AWS_ENDPOINT_URL"},
    Setting{"storage.region", "us-east-1", FACET_SETTING(storage.region), "Region of the bucket.",
            0, 0, "AWS_REGION"},
    Setting{"storage.access_key_id", "", FACET_SETTING(storage.access_key_id),
            "Access key of the object storage.", 0, 0, "AWS_ACCESS_KEY_ID"},
    Setting{"storage.secret_access_key", "", FACET_SETTING(storage.secret_access_key),
            "Secret of that key; never printed.", 0, 0, "AWS_SECRET_ACCESS_KEY", Kept::kSecret},
    Setting{"storage.session_token", "", FACET_SETTING(storage.session_token),
            "Token that goes with a temporary key; never printed.", 0, 0, "AWS_SESSION_TOKEN",
            Kept::kSecret},
    Setting{"storage.cache_bytes", "1073741824", FACET_SETTING(storage.cache_bytes),
            "Disk that copies of originals from the object storage may take.", 0, 1e15},
    Setting{"models.folder", "./models", FACET_SETTING(models.folder), "Where model packs are."},
    Setting{"models.pack", "", FACET_SETTING(models.pack),
            "Pack to use; empty: the one chosen by `facet models use`."},
    Setting{"models.onnxruntime", "", FACET_SETTING(models.onnxruntime),
            "ONNX Runtime library to load; empty: the system's."},
    Setting{"models.providers", "cpu", FACET_SETTING(models.providers),
            "What computes, by preference: cpu, cuda, tensorrt, openvino, dnnl, xnnpack."},
    Setting{"models.device_id", "0", FACET_SETTING(models.device_id),
            "Number of the GPU that a GPU provider uses.", 0, 255},
    Setting{"server.address", "127.0.0.1", FACET_SETTING(server.address),
            "Address to listen on; other than loopback only with server.login or server.token."},
    Setting{"server.port", "8080", FACET_SETTING(server.port), "Port; 0: any free one.", 0, 65535},
    Setting{"server.threads", "8", FACET_SETTING(server.threads), "Requests answered at once.", 1,
            256},
    Setting{"server.max_connections", "1200", FACET_SETTING(server.max_connections),
            "Open connections at most; one address may have nine of ten.", 8, 10000},
    Setting{"server.web_root", "", FACET_SETTING(server.web_root),
            "Folder of the web page's files; empty: ../share/facet/web from the program."},
    Setting{"server.token",
            "",
            FACET_SETTING(server.token),
            "Secret with which a program may do everything (Authorization: Bearer); empty: none.",
            0,
            0,
            {},
            Kept::kSecret},
    Setting{"server.login", "false", FACET_SETTING(server.login),
            "Everybody must log in or send an API key, also from this machine. So it is once there "
            "is a user."},
    Setting{"server.session_days", "30", FACET_SETTING(server.session_days),
            "A login ends when it was not used for this long.", 1, 365},
    Setting{"server.public_url", "", FACET_SETTING(server.public_url),
            "Where people reach the server, https://HOST; empty: what their requests say."},
    Setting{
        "server.trusted_proxies", "", FACET_SETTING(server.trusted_proxies),
        "Addresses and networks, by commas, of proxies whose X-Forwarded-For says who a request "
        "is from."},
    Setting{"audit.keep_days", "365", FACET_SETTING(audit.keep_days),
            "Entries of the audit log are deleted after this long.", 1, 36500},
    Setting{"watch.enabled", "true", FACET_SETTING(watch.enabled), "Take in files by themselves."},
    Setting{"watch.folder", "", FACET_SETTING(watch.folder),
            "Folder to watch; empty: watch in the data folder."},
    Setting{"watch.move_to", "", FACET_SETTING(watch.move_to),
            "Accepted files are moved there; empty: they stay."},
    Setting{"watch.settle_milliseconds", "500", FACET_SETTING(watch.settle_milliseconds),
            "A file is complete after this long without change.", 10, 600000},
    Setting{"watch.rescan_seconds", "60", FACET_SETTING(watch.rescan_seconds),
            "Look for files that no event told of this often.", 1, 86400},
    Setting{"upload.max_bytes", "4294967296", FACET_SETTING(upload.max_bytes),
            "Size of one upload request and of one file at most.", kMebi, 1e15, "MAX_UPLOAD_SIZE"},
    Setting{"fetch.private_addresses", "false", FACET_SETTING(fetch.private_addresses),
            "Whether pictures may be fetched from, and webhooks sent to, addresses that are not of "
            "the public internet: this machine, the local network."},
    Setting{"media.max_bytes", "268435456", FACET_SETTING(media.max_bytes),
            "Size of a picture file that is decoded at most.", kMebi, 1e12},
    Setting{"media.max_pixels", "100000000", FACET_SETTING(media.max_pixels),
            "Width times height of a picture at most.", 1e4, 1e10},
    Setting{"media.max_frames", "10000", FACET_SETTING(media.max_frames),
            "Frames or pages of a picture file at most.", 1, 1e6},
    Setting{"media.max_decoded_bytes", "1073741824", FACET_SETTING(media.max_decoded_bytes),
            "Memory that decoding one picture may take.", kMebi, 1e12},
    Setting{"media.analysis_max_side", "2048", FACET_SETTING(media.analysis_max_side),
            "Pictures are analysed at this longest side at most.", 320, 16384},
    Setting{"video.samples_per_second", "5", FACET_SETTING(video.samples_per_second),
            "Frames of a video that are looked at each second; those after a cut always are.", 0.1,
            60},
    Setting{"video.max_hours", "24", FACET_SETTING(video.max_hours), "Length of a video at most.",
            1, 10000},
    Setting{"detector.min_score", "0", FACET_SETTING(detector.min_score),
            "Faces with a lower detection score are dropped; 0: the pack's own threshold.", 0, 1},
    Setting{"detector.close_up", "true", FACET_SETTING(detector.close_up),
            "A second look at small scale, for faces that fill the frame."},
    Setting{"workers.count", "0", FACET_SETTING(workers.count),
            "Pictures analysed at once; 0: one per core.", 0, 256, "CELERY_WORKER_CONCURRENCY"},
    Setting{"workers.threads_per_model", "1", FACET_SETTING(workers.threads_per_model),
            "Threads of one forward pass.", 1, 64},
    Setting{"tasks.lease_seconds", "60", FACET_SETTING(tasks.lease_seconds),
            "A worker that is silent for this long loses its task.", 3, 3600},
    Setting{"tasks.max_attempts", "5", FACET_SETTING(tasks.max_attempts),
            "Attempts before a task is given up.", 1, 100},
    Setting{"tasks.keep_days", "30", FACET_SETTING(tasks.keep_days),
            "Finished tasks are forgotten after this long.", 1, 3650},
    Setting{
        "tasks.requeue_after_seconds", "120", FACET_SETTING(tasks.requeue_after_seconds),
        "A file that waits for longer is looked up in the Redis queue, and queued anew when its "
        "task is not there.",
        1, 86400},
    Setting{"search.cache_bytes", "67108864", FACET_SETTING(search.cache_bytes),
            "Memory for cached answers and thumbnails.", 0, 1e12},
    Setting{"search.cache_ttl_seconds", "3600", FACET_SETTING(search.cache_ttl_seconds),
            "Life of a cached answer.", 1, 1e7},
    Setting{"search.engine", "auto", FACET_SETTING(search.engine),
            "exact (index in memory), pgvector (in PostgreSQL), or auto: exact up to "
            "search.exact_max_faces."},
    Setting{"search.exact_max_faces", "2000000", FACET_SETTING(search.exact_max_faces),
            "Faces that the index in memory may hold in auto, 2.6 KB each; looked at at the start.",
            0, 1e9},
    Setting{"log.level", "info", FACET_SETTING(log.level), "debug, info, warn or error."},
    Setting{"log.format", "auto", FACET_SETTING(log.format),
            "text, json, or auto: json when service.environment is production."},
    Setting{
        "status.port", "0", FACET_SETTING(status.port),
        "Port of `facet worker` and `facet watch` for health and metrics, on server.address; 0: "
        "none.",
        0, 65535},
    Setting{"service.environment", "development", FACET_SETTING(service.environment),
            "development or production; a label in logs and metrics.", 0, 0, "ENVIRONMENT"},
};

#undef FACET_SETTING

}  // namespace facet
