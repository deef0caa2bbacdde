#include "base/public_address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>

namespace facet {
namespace {

bool IsPublic(const std::string& text) {
    sockaddr_in6 six{};
    if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        return IsPublicAddress(reinterpret_cast<const sockaddr&>(six));
    }
    sockaddr_in four{};
    EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), &four.sin_addr), 1) << text;
    four.sin_family = AF_INET;
    return IsPublicAddress(reinterpret_cast<const sockaddr&>(four));
}

struct Block {
    const char* first;
    const char* last;
    const char* before = nullptr;  // the neighbours, where they are public
    const char* after = nullptr;
};

void ExpectRefused(const Block& block) {
    EXPECT_FALSE(IsPublic(block.first)) << block.first;
    EXPECT_FALSE(IsPublic(block.last)) << block.last;
    EXPECT_TRUE(block.before == nullptr || IsPublic(block.before)) << block.before;
    EXPECT_TRUE(block.after == nullptr || IsPublic(block.after)) << block.after;
}

// The rows of the registry with "Globally Reachable: False", each with its first and last address.
TEST(PublicAddress, RefusesTheSpecialRangesOfIPv4) {
    for (const Block& block : {
             Block{"0.0.0.0", "0.255.255.255", nullptr, "1.0.0.0"},
             Block{"10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
             Block{"100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"},
             Block{"127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"},
             Block{"169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"},
             Block{"169.254.169.254", "169.254.170.2"},  // metadata of EC2 and ECS
             Block{"172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
             Block{"192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"},
             Block{"192.0.0.8", "192.0.0.171"},
             Block{"192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"},
             Block{"192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"},
             Block{"192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"},
             Block{"198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"},
             Block{"198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"},
             Block{"203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"},
             Block{"224.0.0.0", "239.255.255.255", "223.255.255.255"},
             Block{"240.0.0.0", "255.255.255.255"},
         }) {
        ExpectRefused(block);
    }
}

TEST(PublicAddress, RefusesTheSpecialRangesOfIPv6) {
    for (const Block& block : {
             Block{"::", "::1"}, Block{"::ffff:0:0", "::ffff:ffff:ffff"},
             Block{"64:ff9b::", "64:ff9b::ffff:ffff"},
             Block{"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"},
             Block{"100::", "100:0:0:1:ffff:ffff:ffff:ffff"},
             Block{"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", nullptr, "2001:200::"},
             Block{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                   "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
             Block{"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                   "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
             Block{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
                   "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
             Block{"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
             Block{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
             Block{"fd00:ec2::254", "fd20:ce::254"},  // metadata of EC2 and of Google Cloud
             Block{"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
             Block{"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
             Block{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
             Block{"4000::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},  // above and below
         }) {
        ExpectRefused(block);
    }
}

TEST(PublicAddress, RefusesIPv4InsideIPv6WhateverItIs) {
    for (const char* const text :
         {"::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::10.0.0.1",
          "64:ff9b::8.8.8.8", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"}) {
        EXPECT_FALSE(IsPublic(text)) << text;
    }
}

TEST(PublicAddress, TakesTheAddressesOfKnownServers) {
    for (const char* const text : {"1.1.1.1", "8.8.8.8", "151.101.1.69", "192.31.196.1",
                                   "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450::1",
                                   "2000::", "3ffd:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
        EXPECT_TRUE(IsPublic(text)) << text;
    }
}

TEST(PublicAddress, RefusesOtherFamilies) {
    sockaddr_un local{.sun_family = AF_UNIX, .sun_path = "/tmp/socket"};
    EXPECT_FALSE(IsPublicAddress(reinterpret_cast<const sockaddr&>(local)));
    sockaddr_storage none{};
    EXPECT_FALSE(IsPublicAddress(reinterpret_cast<const sockaddr&>(none)));
}

}  // namespace
}  // namespace facet
