#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"

namespace facet {

/// All settings as typed values. Names here are the keys: `server.port` and so on. What they mean,
/// their defaults and their limits are in the table of settings.cpp, from which the parser, the
/// checks, `facet config` and docs/operator/settings.md come.
struct Settings {
    struct {
        std::filesystem::path folder;
        std::filesystem::path database;
    } data;
    struct {
        std::string url;  // may hold a password: not for logs, see RedactedUrl
        std::uint64_t pool = 0;
    } database;
    struct {
        std::string url;
        std::string endpoint;
        std::string region;
        std::string access_key_id;
        std::string secret_access_key;
        std::string session_token;
        std::uint64_t cache_bytes = 0;
    } storage;
    struct {
        std::filesystem::path folder;
        std::string pack;
        std::filesystem::path onnxruntime;
        std::string providers;
        std::uint64_t device_id = 0;
    } models;
    struct {
        std::string address;
        std::uint64_t port = 0;
        std::uint64_t threads = 0;
        std::uint64_t max_connections = 0;
        std::filesystem::path web_root;
        std::string token;
        bool login = false;
        std::uint64_t session_days = 0;
        std::string public_url;
        std::string trusted_proxies;
    } server;
    struct {
        std::uint64_t keep_days = 0;
    } audit;
    struct {
        bool enabled = true;
        std::filesystem::path folder;
        std::filesystem::path move_to;
        std::uint64_t settle_milliseconds = 0;
        std::uint64_t rescan_seconds = 0;
    } watch;
    struct {
        std::uint64_t max_bytes = 0;
    } upload;
    struct {
        bool private_addresses = false;
    } fetch;
    struct {
        std::uint64_t max_bytes = 0;
        std::uint64_t max_pixels = 0;
        std::uint64_t max_frames = 0;
        std::uint64_t max_decoded_bytes = 0;
        std::uint64_t analysis_max_side = 0;
    } media;
    struct {
        double samples_per_second = 0;
        std::uint64_t max_hours = 0;
    } video;
    struct {
        double min_score = 0;
        bool close_up = true;
    } detector;
    struct {
        std::uint64_t count = 0;
        std::uint64_t threads_per_model = 0;
    } workers;
    struct {
        std::uint64_t lease_seconds = 0;
        std::uint64_t max_attempts = 0;
        std::uint64_t keep_days = 0;
        std::uint64_t requeue_after_seconds = 0;
    } tasks;
    struct {
        std::string url;  // may hold a password; redis::Url reads it
        std::string key_prefix;
        std::vector<std::string> queues;
    } redis;
    struct {
        std::filesystem::path folder;
        std::string remote_control;
        std::string worker_name;
    } celery;
    struct {
        std::uint64_t cache_bytes = 0;
        std::uint64_t cache_ttl_seconds = 0;
        std::string engine;
        std::uint64_t exact_max_faces = 0;
    } search;
    struct {
        facet::log::Level level = facet::log::Level::kInfo;
        facet::log::Format format = facet::log::Format::kText;
    } log;
    struct {
        std::uint64_t port = 0;
    } status;
    struct {
        std::string environment;
    } service;
};

struct SettingsSource {
    /// TOML; empty: ./facet.toml if it is there.
    std::filesystem::path file;
    /// "key=value", the strongest.
    std::vector<std::string> overrides;
    /// NAME -> value; nothing given: the process's environment.
    std::map<std::string, std::string> environment;
    bool use_process_environment = true;
};

struct LoadedSettings {
    Settings settings;
    struct Entry {
        std::string value;   // "***" for a secret
        std::string origin;  // "default", "facet.toml:3", "FACET_SERVER__PORT", "command line"
    };
    std::map<std::string, Entry, std::less<>> entries;  // by key
};

/// Defaults, then the file, then the environment (FACET_SERVER__PORT for server.port, and the names
/// of the original system), then the overrides.
/// Errors: kInvalidArgument (unknown key, wrong type, out of range, an engine this build has not:
/// the message names the place), kNotFound (the named file).
Result<LoadedSettings> LoadSettings(const SettingsSource& source);

/// Key, value and origin of every setting, one a line; passwords are hidden.
std::string PrintSettings(const LoadedSettings& loaded);

struct SettingRow {
    std::string_view key;
    std::string value;  // "***" for a secret
    std::string_view standard;
    std::string_view meaning;
    bool changed = false;  // not the default
};
/// Every setting as it is in force.
std::vector<SettingRow> DescribeSettings(const Settings& settings);

/// The reference page, Markdown.
std::string SettingsReference();

}  // namespace facet
