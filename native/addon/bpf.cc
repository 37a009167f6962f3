// Device programs on cgroups, by bpf(2).
#include "addon.h"
#include <cerrno>
#include <cstring>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

// Bytes of union bpf_attr up to the end of what is used here; all of it is in Linux 5.6 already.
long Bpf(int command, bpf_attr *attributes, size_t size) {
    return Restarting([&] { return syscall(SYS_bpf, command, attributes, size); });
}

uint64_t Address(const void *pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

long LoadDevice(const Napi::Uint8Array &instructions, const std::string &name, std::string *log) {
    bpf_attr attributes = {};
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insns = Address(instructions.Data());
    attributes.insn_cnt = static_cast<uint32_t>(instructions.ByteLength() / sizeof(bpf_insn));
    attributes.license = Address("Apache-2.0");
    strncpy(attributes.prog_name, name.c_str(), BPF_OBJ_NAME_LEN - 1);
    if (log != nullptr) {
        attributes.log_level = 1;
        attributes.log_buf = Address(log->data());
        attributes.log_size = static_cast<uint32_t>(log->size());
    }
    return Bpf(BPF_PROG_LOAD, &attributes, sizeof attributes);
}

Napi::Value BpfLoadDevice(Arguments info) {
    Napi::Uint8Array instructions = ToBytes(info[0]);
    std::string name = ToText(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    long fd = LoadDevice(instructions, name, nullptr);
    if (fd >= 0)
        return Napi::Number::New(info.Env(), static_cast<double>(fd));
    // Again, only for the verifier's reasons.
    int error = errno;
    std::string log(64 * 1024, '\0');
    fd = LoadDevice(instructions, name, &log);
    if (fd >= 0)
        return Napi::Number::New(info.Env(), static_cast<double>(fd));
    log.resize(strlen(log.c_str()));
    std::string message = std::string(ErrorName(error)) + ": " + strerror(error) + ", bpf";
    return ThrowMessage(info.Env(), error, "bpf", log.empty() ? message : message + ": " + log);
}

// Ids of the device programs attached to exactly this cgroup; -1 with errno.
int QueryAttached(int cgroup, std::vector<uint32_t> *ids) {
    for (size_t room = 64;; room *= 2) {
        ids->resize(room);
        bpf_attr attributes = {};
        attributes.query.target_fd = static_cast<uint32_t>(cgroup);
        attributes.query.attach_type = BPF_CGROUP_DEVICE;
        attributes.query.prog_ids = Address(ids->data());
        attributes.query.prog_cnt = static_cast<uint32_t>(room);
        long result = Bpf(BPF_PROG_QUERY, &attributes, sizeof attributes);
        if (result == 0) {
            ids->resize(attributes.query.prog_cnt);
            return 0;
        }
        if (errno != ENOSPC)
            return -1;
    }
}

int OpenProgram(uint32_t id) {
    bpf_attr attributes = {};
    attributes.prog_id = id;
    return static_cast<int>(Bpf(BPF_PROG_GET_FD_BY_ID, &attributes, sizeof attributes));
}

// With `replaced` the new program takes the place of that one in one step.
long Attach(int cgroup, int program, int replaced) {
    bpf_attr attributes = {};
    attributes.target_fd = static_cast<uint32_t>(cgroup);
    attributes.attach_bpf_fd = static_cast<uint32_t>(program);
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    if (replaced >= 0) {
        attributes.attach_flags |= BPF_F_REPLACE;
        attributes.replace_bpf_fd = static_cast<uint32_t>(replaced);
    }
    return Bpf(BPF_PROG_ATTACH, &attributes, sizeof attributes);
}

long Detach(int cgroup, int program) {
    bpf_attr attributes = {};
    attributes.target_fd = static_cast<uint32_t>(cgroup);
    attributes.attach_bpf_fd = static_cast<uint32_t>(program);
    attributes.attach_type = BPF_CGROUP_DEVICE;
    return Bpf(BPF_PROG_DETACH, &attributes, sizeof attributes);
}

// Several old ones are detached only when the new one holds: at no time is less forbidden than
// before.
const char *Replace(int cgroup, int program, const std::vector<int> &old) {
    const int replaced = old.size() == 1 ? old[0] : -1;
    if (Attach(cgroup, program, replaced) < 0)
        return "bpf(BPF_PROG_ATTACH)";
    if (replaced >= 0)
        return nullptr;
    for (int each : old)
        if (Detach(cgroup, each) < 0 && errno != ENOENT)
            return "bpf(BPF_PROG_DETACH)";
    return nullptr;
}

Napi::Value BpfReplaceDevice(Arguments info) {
    int cgroup = ToInt(info[0]), program = ToInt(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    std::vector<uint32_t> ids;
    if (QueryAttached(cgroup, &ids) < 0)
        return Throw(info.Env(), errno, "bpf(BPF_PROG_QUERY)");
    std::vector<int> old;
    const char *call = nullptr;
    for (uint32_t id : ids) {
        int fd = OpenProgram(id);
        if (fd >= 0)
            old.push_back(fd);
        else if (errno != ENOENT) // gone in the meantime
            call = "bpf(BPF_PROG_GET_FD_BY_ID)";
    }
    if (call == nullptr)
        call = Replace(cgroup, program, old);
    int error = errno;
    for (int fd : old)
        close(fd);
    return call == nullptr ? info.Env().Undefined() : Throw(info.Env(), error, call);
}

} // namespace

void DefineBpf(Napi::Object exports) {
    Define(exports, "bpfLoadDevice", BpfLoadDevice);
    Define(exports, "bpfReplaceDevice", BpfReplaceDevice);
}
