# facet_module(NAME SOURCES … [TESTS …] [PUBLIC …] [PRIVATE …] [TEST_LIBRARIES …] [TSAN])
#
# Makes the static library facet::NAME from SOURCES and, when tests are built, the program
# facet_NAME_test from TESTS. TSAN: the tests also run under ThreadSanitizer.

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
endif()

add_custom_target(tsan_tests)  # what a ThreadSanitizer run needs built

function(facet_module NAME)
    cmake_parse_arguments(ARG "TSAN" "" "SOURCES;TESTS;PUBLIC;PRIVATE;TEST_LIBRARIES" ${ARGN})
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
        set(labels ${NAME})
        if(ARG_TSAN)
            list(APPEND labels tsan)
            add_dependencies(tsan_tests facet_${NAME}_test)
        endif()
        # From the top of the checkout, where tests/ and ../shared are found by relative paths.
        gtest_discover_tests(facet_${NAME}_test DISCOVERY_MODE PRE_TEST
            WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
            PROPERTIES LABELS "${labels}" TIMEOUT 300)
    endif()
endfunction()
