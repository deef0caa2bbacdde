#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <format>
#include <map>
#include <optional>
#include <ranges>
#include <sstream>
#include <string_view>
#include <utility>

#include "media/pixels.hpp"
#include "media/video_stream.hpp"

namespace facet::media {
namespace {

using std::chrono::microseconds;

constexpr std::size_t kMaxAnswerBytes = 1 << 20;
constexpr double kMaxFrameRate = 1000;
// Broadcast and DVD shapes are all within; what is not is a mistake in the file.
constexpr double kMaxSampleAspect = 4;
// QuickTime began in 1991. Writers without a clock leave 1904 or 1970, the zeros of MP4 and Unix.
constexpr Timestamp kFirstYear = std::chrono::sys_days(std::chrono::January / 1 / 1990);

const char* Demuxer(Format format) {
    switch (format) {
        case Format::kMp4:
        case Format::kMov:
            return "mov";
        case Format::kMatroska:
        case Format::kWebm:
            return "matroska";
        case Format::kAvi:
            return "avi";
        case Format::kAsf:
            return "asf";
        case Format::kFlv:
            return "flv";
        case Format::kMpegPs:
            return "mpeg";
        default:
            return "mpegts";
    }
}

/// What ffprobe's "flat" writer says: lines of key=value, strings quoted and escaped, so that no
/// tag of a file can pass for another line.
class Answer {
public:
    explicit Answer(std::string_view text) {
        for (const auto part : std::views::split(text, '\n')) {
            const std::string_view line(part.begin(), part.end());
            const auto equals = line.find('=');
            if (equals == std::string_view::npos) continue;
            values_.emplace(line.substr(0, equals), Unquoted(line.substr(equals + 1)));
        }
    }

    std::string_view Text(const std::string& key) const {
        const auto found = values_.find(key);
        return found == values_.end() ? std::string_view() : std::string_view(found->second);
    }
    /// Nothing for "N/A", text and infinities.
    std::optional<double> Number(const std::string& key) const { return ParseNumber(Text(key)); }
    /// "30000/1001" or "16:15"; nothing when a part is not above 0.
    std::optional<double> Ratio(const std::string& key) const {
        const std::string_view text = Text(key);
        const auto mark = text.find_first_of("/:");
        if (mark == std::string_view::npos) return std::nullopt;
        const auto above = ParseNumber(text.substr(0, mark));
        const auto below = ParseNumber(text.substr(mark + 1));
        if (!above || !below || *above <= 0 || *below <= 0) return std::nullopt;
        return *above / *below;
    }
    std::optional<microseconds> Seconds(const std::string& key) const {
        constexpr double kLongest = 1e10;  // three centuries
        const auto seconds = Number(key);
        if (!seconds || std::abs(*seconds) > kLongest) return std::nullopt;
        return microseconds(std::llround(*seconds * 1e6));
    }

private:
    static std::string Unquoted(std::string_view text) {
        if (text.size() < 2 || text.front() != '"') return std::string(text);
        text = text.substr(1, text.size() - 2);
        std::string plain;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\' || i + 1 == text.size()) {
                plain += text[i];
            } else {
                ++i;
                plain += text[i] == 'n' ? '\n' : text[i];
            }
        }
        return plain;
    }
    static std::optional<double> ParseNumber(std::string_view text) {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
            return std::nullopt;
        }
        return value;
    }

    std::map<std::string, std::string, std::less<>> values_;
};

/// The Exif orientation that a display matrix stands for (ISO/IEC 14496-12, 6.2.2): where the
/// picture's right and its down go. 1 for what is no quarter turn. ffprobe prints three rows of
/// three numbers, each row behind its number and a colon.
int Orientation(std::string_view matrix) {
    std::array<long long, 9> values{};
    std::size_t count = 0;
    for (const auto part : std::views::split(matrix, '\n')) {
        const std::string_view line(part.begin(), part.end());
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        std::istringstream row{std::string(line.substr(colon + 1))};
        while (count < values.size() && row >> values[count]) ++count;
    }
    if (count < values.size()) return 1;
    const auto right_x = values[0];
    const auto right_y = values[1];
    const auto down_x = values[3];
    const auto down_y = values[4];
    if (right_y == 0 && down_x == 0) {
        if (right_x > 0) return down_y < 0 ? 4 : 1;
        return down_y < 0 ? 3 : 2;
    }
    if (right_x == 0 && down_y == 0) {
        if (right_y > 0) return down_x < 0 ? 6 : 5;
        return down_x < 0 ? 7 : 8;
    }
    return 1;
}

/// The first stream of pictures that is no cover of a piece of music.
std::string FindPictures(const Answer& answer) {
    for (int i = 0;; ++i) {
        std::string stream = std::format("streams.stream.{}.", i);
        const std::string_view type = answer.Text(stream + "codec_type");
        if (type.empty()) return {};
        if (type == "video" && answer.Text(stream + "disposition.attached_pic") != "1") {
            return stream;
        }
    }
}

bool HasSound(const Answer& answer) {
    for (int i = 0;; ++i) {
        const std::string_view type = answer.Text(std::format("streams.stream.{}.codec_type", i));
        if (type.empty()) return false;
        if (type == "audio") return true;
    }
}

std::optional<Timestamp> TakenAt(const Answer& answer, const std::string& stream) {
    for (const auto& key : {std::string("format.tags."), stream + "tags."}) {
        const auto time = ParseTimestamp(answer.Text(key + "creation_time"));
        if (time && *time >= kFirstYear) return *time;
    }
    return std::nullopt;
}

Result<void> SetSize(VideoInfo& info, const Answer& answer, const std::string& stream,
                     const VideoLimits& limits) {
    const double width = answer.Number(stream + "width").value_or(0);
    const double height = answer.Number(stream + "height").value_or(0);
    if (width < 1 || height < 1) {
        return Fail(Code::kCorrupt, "the video is damaged: the size of its picture is not known");
    }
    const double aspect = answer.Ratio(stream + "sample_aspect_ratio").value_or(1);
    const bool square = aspect > kMaxSampleAspect || aspect < 1 / kMaxSampleAspect;
    const double shown_width = square || aspect < 1 ? width : std::round(width * aspect);
    const double shown_height = square || aspect > 1 ? height : std::round(height / aspect);
    const double pixels = shown_width * shown_height;
    if (pixels > static_cast<double>(limits.max_pixels)) {
        return Fail(Code::kTooLarge, std::format("a frame has {} x {} pixels; the limit is {}",
                                                 shown_width, shown_height, limits.max_pixels));
    }
    info.stored_width = static_cast<int>(width);
    info.stored_height = static_cast<int>(height);
    info.width = static_cast<int>(shown_width);
    info.height = static_cast<int>(shown_height);
    for (int i = 0; i < 8; ++i) {  // of the kinds of side data a stream may have
        const auto matrix =
            answer.Text(std::format("{}side_data_list.side_data.{}.displaymatrix", stream, i));
        if (!matrix.empty()) info.orientation = Orientation(matrix);
    }
    if (SwapsSides(info.orientation)) std::swap(info.width, info.height);
    return {};
}

Result<void> SetTimes(VideoInfo& info, const Answer& answer, const std::string& stream,
                      const VideoLimits& limits) {
    const microseconds none(0);
    const microseconds file_start = answer.Seconds("format.start_time").value_or(none);
    const microseconds start = answer.Seconds(stream + "start_time").value_or(file_start);
    info.start = std::max(start - file_start, none);
    info.duration = std::max(answer.Seconds("format.duration").value_or(none), none);
    const microseconds own = std::max(answer.Seconds(stream + "duration").value_or(none), none);
    info.end = own > none ? info.start + own : info.duration;
    if (info.duration == none) info.duration = info.end;
    if (info.duration > limits.max_duration) {
        return Fail(Code::kTooLarge,
                    std::format("the video takes {} hours; the limit is {}",
                                std::chrono::floor<std::chrono::hours>(info.duration).count(),
                                limits.max_duration.count()));
    }
    info.frame_rate = answer.Ratio(stream + "avg_frame_rate")
                          .value_or(answer.Ratio(stream + "r_frame_rate").value_or(0));
    if (info.frame_rate > kMaxFrameRate) info.frame_rate = 0;
    return {};
}

Result<std::string> Ask(Format format, ByteSource bytes, const VideoLimits& limits,
                        Deadline deadline, const std::stop_token& stop, bool& ended_well,
                        std::string& complaint) {
    ChildProgram program;
    program.arguments = {
        "ffprobe",
        "-hide_banner",
        "-loglevel",
        "error",
        "-of",
        "flat",  // see Answer
        "-show_entries",
        "stream=codec_type,codec_name,width,height,sample_aspect_ratio,field_order,"
        "color_transfer,avg_frame_rate,r_frame_rate,start_time,duration"
        ":stream_disposition=attached_pic:stream_tags=creation_time"
        ":stream_side_data=displaymatrix"
        ":format=start_time,duration:format_tags=creation_time"};
    AddInput(program.arguments, format, limits.max_pixels);
    program.input = std::move(bytes).TakeFile();
    program.data_bytes = StreamBytes(limits.max_pixels);
    program.reads = "videos";
    FACET_TRY(child, ChildProcess::Start(std::move(program)));
    std::string answer;
    std::vector<std::uint8_t> buffer(1 << 16);
    while (true) {
        FACET_TRY(got, child.Read(0, buffer, deadline, stop));
        if (got == 0) break;
        answer.append(reinterpret_cast<const char*>(buffer.data()), got);
        if (answer.size() > kMaxAnswerBytes) {
            return Fail(Code::kTooLarge, "the file has too many streams");
        }
    }
    FACET_TRY(well, child.Finish(deadline, stop));
    ended_well = well;
    complaint = "ffprobe: " + child.complaint();
    return answer;
}

}  // namespace

void AddInput(std::vector<std::string>& arguments, Format format, std::uint64_t max_pixels) {
    const auto add = [&](std::initializer_list<std::string> words) {
        arguments.insert(arguments.end(), words);
    };
    // The one way in: a descriptor, which unlike a pipe can be sought in. References to other
    // files and addresses (of playlists, of MOV) need protocols that are not on the list.
    add({"-protocol_whitelist", "fd"});
    // By our own look at the bytes: no other demuxer, such as those of playlists, gets to see them.
    add({"-f", Demuxer(format)});
    // What is above the limit is told by its size, and refused, in words of ours. This is for
    // frames that the header did not tell of, of which the decoders count the sides rounded up.
    add({"-max_pixels", std::to_string(2 * max_pixels)});
    // More decode no faster per core, and take memory for frames of each; while the program's one
    // decodes, ours has the other cores for what it looks for in the frames.
    add({"-threads", "1"});
    add({"-i", "fd:"});
}

std::uint64_t StreamBytes(std::uint64_t pixels) {
    // Sixteen reference frames (H.264, HEVC), those on their way through the program, and copies in
    // other layouts, of at most 3 bytes a pixel (4:2:0 in 16 bits); tone mapping has small ones.
    constexpr std::uint64_t kFrames = 40;
    constexpr std::uint64_t kBytesPerPixel = 3;
    return kFrames * kBytesPerPixel * pixels;
}

Result<VideoInfo> ProbeStream(Format format, ByteSource bytes, const VideoLimits& limits,
                              Deadline deadline, const std::stop_token& stop) {
    bool ended_well = false;
    std::string complaint;
    const bool cut_off = IsCutOff(format, bytes).value_or(true);
    FACET_TRY(text, Ask(format, std::move(bytes), limits, deadline, stop, ended_well, complaint));
    const Answer answer(text);
    VideoInfo info{.format = format, .has_audio = HasSound(answer)};
    const std::string stream = FindPictures(answer);
    if (!ended_well) {
        return Fail(Code::kCorrupt,
                    std::format("the {} video is damaged or ends early: nothing of it can be read",
                                Name(format)),
                    complaint);
    }
    if (stream.empty()) {
        return info.has_audio
                   ? Fail(Code::kUnsupportedMedia, "the file has sound but no picture", complaint)
                   : Fail(Code::kCorrupt, "the file has neither picture nor sound", complaint);
    }
    info.codec = answer.Text(stream + "codec_name");
    if (info.codec.empty() || info.codec == "unknown") {
        return Fail(Code::kUnsupportedMedia, "the video is coded in a way that is not known",
                    complaint);
    }
    FACET_TRY_VOID(SetSize(info, answer, stream, limits));
    FACET_TRY_VOID(SetTimes(info, answer, stream, limits));
    info.cut_off = cut_off;
    info.taken_at = TakenAt(answer, stream);
    info.maybe_interlaced = answer.Text(stream + "field_order") != "progressive";
    const std::string_view transfer = answer.Text(stream + "color_transfer");
    if (transfer == "smpte2084" || transfer == "arib-std-b67") info.hdr_transfer = transfer;
    return info;
}

}  // namespace facet::media
