# facet_module(NAME SOURCES … [TESTS …] [PUBLIC …] [PRIVATE …] [TEST_LIBRARIES …] [TSAN]
#              [TOGETHER FILTER] [NO_ASAN FILTER])
#
# Makes the static library facet::NAME from SOURCES and, when tests are built, the program
# facet_NAME_test from TESTS. TSAN: the tests also run under ThreadSanitizer. TOGETHER: the tests
# that this GoogleTest filter fits run in one process, since they share a server that is slow to
# start. NO_ASAN: those that fit do not run under AddressSanitizer (each with its reason beside it).

option(FACET_WERROR "Treat warnings as errors" OFF)
option(FACET_FUZZ "Build the fuzz targets (Clang)" OFF)
set(FACET_SANITIZE "" CACHE STRING "Value for -fsanitize=, e.g. address,undefined")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)  # no modules here; scanning is slow and keeps ccache from working
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(facet_options INTERFACE)
target_compile_options(facet_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
    -Woverloaded-virtual $<$<BOOL:${FACET_WERROR}>:-Werror>
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
    # GCC 14 sees uninitialised members in std::expected where there are none (GCC bug 80635).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
target_include_directories(facet_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(facet_options INTERFACE FACET_VERSION="${PROJECT_VERSION}")
if(FACET_SANITIZE)
    target_compile_options(facet_options INTERFACE -fsanitize=${FACET_SANITIZE}
        -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(facet_options INTERFACE -fsanitize=${FACET_SANITIZE})
    target_compile_definitions(facet_options INTERFACE FACET_SANITIZED)
endif()

add_custom_target(tsan_tests)  # what a ThreadSanitizer run needs built

function(facet_module NAME)
    cmake_parse_arguments(ARG "TSAN" "TOGETHER;NO_ASAN"
        "SOURCES;TESTS;PUBLIC;PRIVATE;TEST_LIBRARIES" ${ARGN})
    add_library(facet_${NAME} STATIC ${ARG_SOURCES})
    add_library(facet::${NAME} ALIAS facet_${NAME})
    target_link_libraries(facet_${NAME} PUBLIC facet_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
    if(BUILD_TESTING AND ARG_TESTS)
        add_executable(facet_${NAME}_test ${ARG_TESTS})
        target_link_libraries(facet_${NAME}_test PRIVATE facet::${NAME} ${ARG_TEST_LIBRARIES}
            GTest::gmock_main GTest::gtest rapidcheck rapidcheck_gtest)
        # RapidCheck's templates use std::aligned_storage, which C++23 deprecates.
        target_compile_options(facet_${NAME}_test PRIVATE
            $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
        # One label: gtest_discover_tests takes a list apart, and the properties after it are lost.
        set(label ${NAME})
        if(ARG_TSAN)
            set(label ${NAME}-tsan)
            add_dependencies(tsan_tests facet_${NAME}_test)
        endif()
        facet_discover_tests(${NAME} ${label} "${ARG_TOGETHER}" "${ARG_NO_ASAN}")
    endif()
endfunction()

function(facet_discover_tests NAME LABEL TOGETHER NO_ASAN)
    # From the top of the checkout, where tests/ and ../shared are found by relative paths.
    set(common DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set(apart ${TOGETHER} ${NO_ASAN})
    list(JOIN apart ":" apart)
    if(NO_ASAN)
        gtest_discover_tests(facet_${NAME}_test ${common} TEST_FILTER ${NO_ASAN}
            TEST_LIST facet_${NAME}_no_asan PROPERTIES LABELS ${NAME}-no_asan TIMEOUT 300)
    endif()
    if(TOGETHER)
        add_test(NAME ${NAME}:${TOGETHER} COMMAND facet_${NAME}_test --gtest_filter=${TOGETHER}
            WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(${NAME}:${TOGETHER} PROPERTIES LABELS ${LABEL} TIMEOUT 300
            SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
    endif()
    if(apart)
        set(others TEST_FILTER "-${apart}")
    endif()
    gtest_discover_tests(facet_${NAME}_test ${common} ${others}
        PROPERTIES LABELS ${LABEL} TIMEOUT 300)
endfunction()
