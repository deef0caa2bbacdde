#include "net/address.hpp"

#include <gtest/gtest.h>

namespace facet::net {
namespace {

Networks Of(const std::vector<std::string>& texts) {
    auto networks = Networks::Parse(texts);
    EXPECT_TRUE(networks) << networks.error().message;
    return std::move(*networks);
}

TEST(Networks, ContainTheirAddressesAndNoOthers) {
    const Networks networks = Of({"10.1.0.0/16", "192.0.2.1", "172.16.0.0/12", "fd00::/8"});
    for (const char* inside :
         {"10.1.0.0", "10.1.255.255", "192.0.2.1", "172.31.9.9", "fd12::1", "::ffff:10.1.2.3"}) {
        EXPECT_TRUE(networks.Contain(inside)) << inside;
    }
    for (const char* outside : {"10.2.0.0", "10.0.255.255", "192.0.2.2", "172.32.0.0", "fe80::1",
                                "::1", "", "x", "10.1.0.0/16", "10.1.0.1:80", "10.1.0.1 "}) {
        EXPECT_FALSE(networks.Contain(outside)) << outside;
    }
    EXPECT_FALSE(Of({}).Contain("127.0.0.1"));
    EXPECT_TRUE(Of({"0.0.0.0/0"}).Contain("203.0.113.9"));
    EXPECT_FALSE(Of({"0.0.0.0/0"}).Contain("2001:db8::1"));
}

TEST(Networks, WhatIsNoNetworkIsNamed) {
    for (const char* text : {"", "localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8",
                             "::/129", "10.0.0.0/8x", "/8"}) {
        const auto parsed = Networks::Parse(std::vector<std::string>{text});
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Code::kInvalidArgument);
        EXPECT_NE(parsed.error().message.find(text), std::string::npos);
    }
}

TEST(IsLoopback, KnowsBothFamilies) {
    for (const char* address : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
        EXPECT_TRUE(IsLoopback(address)) << address;
    }
    for (const char* address : {"128.0.0.1", "::2", "", "localhost"}) {
        EXPECT_FALSE(IsLoopback(address)) << address;
    }
}

TEST(ClientAddress, OnlyATrustedProxyIsBelieved) {
    const Networks trusted = Of({"10.0.0.0/8", "127.0.0.1"});
    EXPECT_EQ(ClientAddress("203.0.113.9", "198.51.100.1", trusted), "203.0.113.9");
    EXPECT_EQ(ClientAddress("10.0.0.2", "198.51.100.1", trusted), "198.51.100.1");
    EXPECT_EQ(ClientAddress("10.0.0.2", "", trusted), "10.0.0.2");
    EXPECT_EQ(ClientAddress("127.0.0.1", "198.51.100.1", Of({})), "127.0.0.1");
}

TEST(ClientAddress, TheLastUntrustedOneCountsWhateverTheClientPutBefore) {
    const Networks trusted = Of({"10.0.0.0/8"});
    EXPECT_EQ(ClientAddress("10.0.0.2", "1.1.1.1, 198.51.100.1, 10.0.0.3", trusted),
              "198.51.100.1");
    EXPECT_EQ(ClientAddress("10.0.0.2", "10.0.0.4,10.0.0.3", trusted), "10.0.0.4");
    EXPECT_EQ(ClientAddress("10.0.0.2", "198.51.100.1, unknown", trusted), "10.0.0.2");
    EXPECT_EQ(ClientAddress("10.0.0.2", "198.51.100.1,, 10.0.0.3", trusted), "10.0.0.3");
}

TEST(AddressGroup, IsWhatOnePartyHas) {
    EXPECT_EQ(AddressGroup("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(AddressGroup("2001:db8::1"), AddressGroup("2001:db8:0:0:ffff::2"));
    EXPECT_NE(AddressGroup("2001:db8::1"), AddressGroup("2001:db8:0:1::1"));
}

}  // namespace
}  // namespace facet::net
