// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl add: make devices.
#include "device_name.hpp"
#include "device_options.hpp"
#include "device_text.hpp"
#include "output.hpp"
#include "program.hpp"
#include "text.hpp"

#include <shmq/control.hpp>

namespace shmqctl {

namespace {

struct Options {
    std::string device;
    std::uint64_t size = 0;
    std::string layout;
    std::string framing;
    std::optional<std::string> prefix;
    std::uint64_t max_message = 0;
    std::uint64_t cell_size = 0;
    std::optional<std::uint32_t> cell_readers;
    std::uint64_t block_size = 0;
    std::optional<std::uint32_t> owners;
    DeviceOptions device_options;
    bool json = false;
};

enum shmq_layout layout_of(const std::string& text) {
    return text == "raw"    ? SHMQ_LAYOUT_RAW
           : text == "cell" ? SHMQ_LAYOUT_CELL
           : text == "pool" ? SHMQ_LAYOUT_POOL
                            : SHMQ_LAYOUT_CHANNEL;
}

int run(const Options& options) {
    shmq::DeviceSettings settings;
    options.device_options.apply(settings);
    if (!options.device.empty())
        settings.index = device_number(options.device);
    if (options.size)
        settings.size = options.size;
    if (!options.layout.empty())
        settings.layout = layout_of(options.layout);
    if (!options.framing.empty())
        settings.framing = options.framing == "plain" ? SHMQ_FRAMING_PLAIN : SHMQ_FRAMING_CHECKED;
    if (options.prefix)
        settings.prefix = text_or_hex(*options.prefix);
    if (options.max_message > UINT32_MAX)
        throw WrongUse("--max-message: no message is longer than 4 GiB");
    if (options.max_message)
        settings.max_message = static_cast<std::uint32_t>(options.max_message);
    if (options.cell_size > UINT32_MAX)
        throw WrongUse("--cell-size: no device is longer than 1 GiB");
    if (options.cell_size)
        settings.cell_size = static_cast<std::uint32_t>(options.cell_size);
    settings.cell_readers = options.cell_readers;
    if (options.block_size > UINT32_MAX)
        throw WrongUse("--pool-block-size: no device is longer than 1 GiB");
    if (options.block_size)
        settings.pool_block_size = static_cast<std::uint32_t>(options.block_size);
    settings.pool_owners = options.owners;
    const shmq::DeviceStatus made = shmq::Control::open().add(settings);
    print(options.json ? as_json(made) : made.path() + '\n');
    return exit_ok;
}

} // namespace

void add_add(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(program, "add", "Make a device, and print its path",
                                   "  shmqctl add\n"
                                   "  shmqctl add 7 --size 1M --handler none --mode 0660 --group "
                                   "shmq\n"
                                   "  shmqctl add --framing plain --tick 200ms\n"
                                   "  shmqctl add --layout raw --handler print --period 500ms "
                                   "--priority 1\n"
                                   "  shmqctl add --layout pool --size 4M --pool-block-size 256K",
                                   run, options);
    sub->add_option("DEVICE", options->device,
                    std::string(device_help) + "; default: the lowest free number");
    sub->add_option("--size", options->size, "memory, two queues together; default 256K")
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES");
    sub->add_option("--layout", options->layout,
                    "two queues, one latest value, blocks that programs share, or memory without "
                    "structure")
        ->check(CLI::IsMember({"channel", "cell", "pool", "raw"}))
        ->option_text("channel|cell|pool|raw [channel]");
    sub->add_option("--framing", options->framing, "how messages lie in the queues")
        ->check(CLI::IsMember({"checked", "plain"}))
        ->option_text("checked|plain [checked]");
    sub->add_option("--prefix", options->prefix, "what each checked frame begins with")
        ->option_text("TEXT|0xHEX [SHMQ]");
    sub->add_option("--max-message", options->max_message, "the longest that the kernel takes")
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES [64K]");
    sub->add_option("--cell-size", options->cell_size, "of the value, with --layout cell")
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES [64]");
    sub->add_option("--cell-readers", options->cell_readers,
                    "how many readers can register, with --layout cell; any number read without")
        ->check(CLI::Range(0, 30))
        ->option_text("N [8]");
    sub->add_option("--pool-block-size", options->block_size,
                    "of a block, with --layout pool; there are as many as the memory holds")
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES [4K]");
    sub->add_option("--pool-owners", options->owners,
                    "how many can share the pool at once, with --layout pool")
        ->check(CLI::Range(2, 256))
        ->option_text("N [32]");
    add_device_options(*sub, options->device_options);
    sub->add_flag("--json", options->json, "print the device, for scripts");
}

} // namespace shmqctl
