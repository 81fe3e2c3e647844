// SPDX-License-Identifier: GPL-2.0-only OR MIT
// shmqctl doctor: what is missing here, and what to do about it.
#include "finding.hpp"
#include "output.hpp"
#include "program.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace shmqctl {

namespace {

struct Options {
    bool json = false;
};

std::string mark(Verdict verdict) {
    switch (verdict) {
    case Verdict::good:
        return coloured(Colour::green, "ok  ");
    case Verdict::hint:
        return coloured(Colour::yellow, "note");
    case Verdict::bad:
        break;
    }
    return coloured(Colour::red, "BAD ");
}

const char* name(Verdict verdict) {
    return verdict == Verdict::good ? "ok" : verdict == Verdict::hint ? "note" : "bad";
}

std::string as_text(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& f : findings) {
        text += mark(f.verdict) + "  " + f.what + '\n';
        if (!f.remedy.empty())
            text += "      -> " + f.remedy + '\n';
    }
    return text;
}

std::string as_json(const std::vector<Finding>& findings) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const Finding& f : findings)
        all.push_back({{"verdict", name(f.verdict)}, {"what", f.what}, {"remedy", f.remedy}});
    return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

int run(const Options& options) {
    std::vector<Finding> findings;
    look_at_module(findings);
    look_at_devices(findings);
    look_at_control(findings);
    look_at_memory(findings);
    print(options.json ? as_json(findings) : as_text(findings));
    return std::any_of(findings.begin(), findings.end(),
                       [](const Finding& f) { return f.verdict == Verdict::bad; })
               ? exit_failed
               : exit_ok;
}

} // namespace

void add_doctor(Program& program) {
    const auto options = std::make_shared<Options>();
    CLI::App* sub = add_subcommand(program, "doctor",
                                   "Look at the module, devices, rights and memory; say what to do",
                                   "  shmqctl doctor\n"
                                   "  shmqctl doctor --json | jq -r '.[] | select(.verdict == "
                                   "\"bad\").remedy'",
                                   run, options);
    sub->add_flag("--json", options->json, "for scripts");
}

} // namespace shmqctl
