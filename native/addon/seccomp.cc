// Seccomp profiles to filters, by libseccomp (linked statically).
#include "addon.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <linux/seccomp.h>
#include <memory>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

struct Rule {
    uint32_t action;
    std::vector<std::string> names;
    std::vector<scmp_arg_cmp> conditions;
};

struct Profile {
    uint32_t default_action;
    std::vector<uint32_t> architectures;
    std::vector<Rule> rules;
};

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

scmp_arg_cmp ToCondition(Napi::Value object) {
    scmp_arg_cmp condition = {};
    condition.arg = ToUint(Field(object, "index"));
    condition.op = static_cast<scmp_compare>(ToUint(Field(object, "op")));
    condition.datum_a = ToUint64(Field(object, "value"));
    condition.datum_b = ToUint64(Field(object, "valueTwo"));
    return condition;
}

Rule ToRule(Napi::Value object) {
    Rule rule = {ToUint(Field(object, "action")), ToTexts(Field(object, "names")), {}};
    Napi::Value conditions = Field(object, "args");
    const uint32_t length = Length(conditions);
    for (uint32_t i = 0; i < length; i++)
        rule.conditions.push_back(ToCondition(Element(conditions, i)));
    return rule;
}

Profile ToProfile(Napi::Value object) {
    Profile profile = {ToUint(Field(object, "defaultAction")), {}, {}};
    Napi::Value architectures = Field(object, "architectures");
    uint32_t length = Length(architectures);
    for (uint32_t i = 0; i < length; i++)
        profile.architectures.push_back(ToUint(Element(architectures, i)));
    Napi::Value rules = Field(object, "rules");
    length = Length(rules);
    for (uint32_t i = 0; i < length; i++) {
        Napi::HandleScope scope(object.Env());
        profile.rules.push_back(ToRule(Element(rules, i)));
    }
    return profile;
}

std::string Hexadecimal(uint64_t number) {
    char text[2 + 16 + 1];
    snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
    return text;
}

std::string DescribeCondition(const scmp_arg_cmp &condition) {
    static const char *const operators[] = {"?", "!=", "<", "<=", "==", ">=", ">"};
    std::string left = "argument " + std::to_string(condition.arg);
    if (condition.op == SCMP_CMP_MASKED_EQ)
        return left + " & " + Hexadecimal(condition.datum_a) +
               " == " + Hexadecimal(condition.datum_b);
    size_t index = condition.op <= SCMP_CMP_GT ? condition.op : 0;
    return left + " " + operators[index] + " " + Hexadecimal(condition.datum_a);
}

std::string DescribeRule(const std::string &name, const Rule &rule) {
    std::string text = "rule for " + name + " with action " + Hexadecimal(rule.action);
    const char *joint = " when ";
    for (const scmp_arg_cmp &condition : rule.conditions) {
        text += joint + DescribeCondition(condition);
        joint = " and ";
    }
    return text;
}

// Conditions hold together, unless two are on one argument: then each is a rule of its own, any of
// which suffices. Callers rely on that since libseccomp allowed only one check of an argument in a
// rule.
bool ChecksOneArgumentTwice(const Rule &rule) {
    unsigned seen = 0;
    for (const scmp_arg_cmp &condition : rule.conditions) {
        unsigned bit = 1u << (condition.arg & 31);
        if (seen & bit)
            return true;
        seen |= bit;
    }
    return false;
}

// A rule that does what happens by default anyway is none (EACCES, before libseccomp 2.5 EPERM).
int Tolerate(int result) {
    return result == -EACCES || result == -EPERM ? 0 : result;
}

int AddRule(scmp_filter_ctx context, int number, const Rule &rule) {
    if (!ChecksOneArgumentTwice(rule)) {
        auto count = static_cast<unsigned>(rule.conditions.size());
        return Tolerate(
            seccomp_rule_add_array(context, rule.action, number, count, rule.conditions.data()));
    }
    for (const scmp_arg_cmp &condition : rule.conditions)
        if (int result =
                Tolerate(seccomp_rule_add_array(context, rule.action, number, 1, &condition)))
            return result;
    return 0;
}

Napi::Value Refused(Napi::Env env, int result, const std::string &what) {
    std::string reason = std::string(ErrorName(-result)) + ": libseccomp refuses the ";
    return ThrowMessage(env, -result, "seccomp", reason + what);
}

// False with an exception pending when libseccomp refuses something.
bool FillContext(Napi::Env env, scmp_filter_ctx context, const Profile &profile,
                 std::vector<std::string> *unknown) {
    int result = seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0);
    if (result == 0)
        result = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2); // a binary tree
    if (result < 0) {
        Refused(env, result, "attributes");
        return false;
    }
    for (uint32_t architecture : profile.architectures) {
        result = seccomp_arch_add(context, architecture);
        if (result < 0 && result != -EEXIST) {
            Refused(env, result, "architecture " + Hexadecimal(architecture));
            return false;
        }
    }
    for (const Rule &rule : profile.rules) {
        for (const std::string &name : rule.names) {
            int number = seccomp_syscall_resolve_name(name.c_str());
            if (number == __NR_SCMP_ERROR) {
                unknown->push_back(name);
                continue;
            }
            result = AddRule(context, number, rule);
            if (result < 0) {
                Refused(env, result, DescribeRule(name, rule));
                return false;
            }
        }
    }
    return true;
}

// libseccomp before 2.6 exports to a descriptor only.
Napi::Value ExportFilter(Napi::Env env, scmp_filter_ctx context) {
    int fd = memfd_create("tsrun-seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return Throw(env, errno, "memfd_create");
    Napi::Value filter = env.Undefined();
    if (int result = seccomp_export_bpf(context, fd); result < 0)
        Refused(env, result, "filter");
    else {
        std::vector<uint8_t> bytes(static_cast<size_t>(lseek(fd, 0, SEEK_END)));
        ssize_t length = Restarting([&] { return pread(fd, bytes.data(), bytes.size(), 0); });
        if (length == static_cast<ssize_t>(bytes.size()))
            filter = FromBytes(env, bytes.data(), bytes.size());
        else
            Throw(env, length < 0 ? errno : EIO, "pread");
    }
    close(fd);
    return filter;
}

Napi::Value SeccompCompile(Arguments info) {
    Napi::Env env = info.Env();
    Profile profile = ToProfile(info[0]);
    if (Failed(info))
        return env.Undefined();
    Context context(seccomp_init(profile.default_action), seccomp_release);
    if (!context)
        return Refused(env, -EINVAL, "default action " + Hexadecimal(profile.default_action));
    std::vector<std::string> unknown;
    if (!FillContext(env, context.get(), profile, &unknown))
        return env.Undefined();
    Napi::Value filter = ExportFilter(env, context.get());
    if (Failed(info))
        return env.Undefined();
    Napi::Array names = Napi::Array::New(env, unknown.size());
    for (uint32_t i = 0; i < unknown.size(); i++)
        names.Set(i, Napi::String::New(env, unknown[i]));
    Napi::Object result = Napi::Object::New(env);
    result.Set("filter", filter);
    result.Set("unknown", names);
    return result;
}

Napi::Value SeccompActionAvailable(Arguments info) {
    uint32_t action = ToUint(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    bool available = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
    return Napi::Boolean::New(info.Env(), available);
}

Napi::Value SeccompNativeArch(Arguments info) {
    return Napi::Number::New(info.Env(), seccomp_arch_native());
}

// Negative for a name that libseccomp does not know, or that this architecture does not have.
Napi::Value SeccompResolve(Arguments info) {
    std::string name = ToText(info[0]);
    uint32_t architecture = ToUint(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    int number = seccomp_syscall_resolve_name_arch(architecture, name.c_str());
    return Napi::Number::New(info.Env(), number);
}

std::string Version() {
    const scmp_version *version = seccomp_version();
    return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
           std::to_string(version->micro);
}

} // namespace

void DefineSeccomp(Napi::Object exports) {
    exports.Set("libseccompVersion", Napi::String::New(exports.Env(), Version()));
    Define(exports, "seccompCompile", SeccompCompile);
    Define(exports, "seccompActionAvailable", SeccompActionAvailable);
    Define(exports, "seccompNativeArch", SeccompNativeArch);
    Define(exports, "seccompResolve", SeccompResolve);
}
