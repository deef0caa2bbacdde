#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/types.hpp"

/// What the analysis of a video keeps at the end of a segment (store::VideoSegment::data). Only the
/// Facet that wrote it needs to read it: another one begins the video anew.
namespace facet::pipeline {

struct SegmentContent {
    std::chrono::microseconds until{0};  // time of its last frame
    std::vector<store::NewFace> faces;   // that were over in this segment
    std::vector<std::byte> finder;       // AppearanceFinder::SaveState at its end
};

/// `made_with` stands for everything that makes a difference to what is found: models, settings.
std::vector<std::byte> EncodeSegment(const SegmentContent& content, std::string_view made_with);
/// An empty `made_with` stands for whatever it was made with.
/// Errors: kConflict (made with something else, or by another version), kCorrupt.
Result<SegmentContent> DecodeSegment(std::span<const std::byte> data, std::string_view made_with);

}  // namespace facet::pipeline
