// D-Bus calls by libsystemd's sd-bus. The library is opened when the first connection is made, so
// that nothing else needs it; its functions are declared here, so that its headers are not needed
// either.
#include "addon.h"
#include <cerrno>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <mutex>

namespace {

struct sd_bus;
struct sd_bus_message;
struct sd_bus_error {
    const char *name;
    const char *message;
    int need_free;
};
constexpr sd_bus_error kNoError = {nullptr, nullptr, 0};

// The functions of libsystemd that are used, by their names there without "sd_bus_".
struct Library {
    int (*create)(sd_bus **);
    int (*set_address)(sd_bus *, const char *);
    int (*set_bus_client)(sd_bus *, int);
    int (*start)(sd_bus *);
    sd_bus *(*flush_close_unref)(sd_bus *);
    int (*add_match)(sd_bus *, void **, const char *, void *, void *);
    int (*process)(sd_bus *, sd_bus_message **);
    int (*wait)(sd_bus *, uint64_t);
    int (*call)(sd_bus *, sd_bus_message *, uint64_t, sd_bus_error *, sd_bus_message **);
    void (*error_free)(sd_bus_error *);
    int (*new_method_call)(sd_bus *, sd_bus_message **, const char *, const char *, const char *,
                           const char *);
    sd_bus_message *(*unref)(sd_bus_message *);
    int (*append_basic)(sd_bus_message *, char, const void *);
    int (*open_container)(sd_bus_message *, char, const char *);
    int (*close_container)(sd_bus_message *);
    int (*peek_type)(sd_bus_message *, char *, const char **);
    int (*read_basic)(sd_bus_message *, char, void *);
    int (*enter_container)(sd_bus_message *, char, const char *);
    int (*exit_container)(sd_bus_message *);
    const char *(*get_member)(sd_bus_message *);
};

Library library;

// The name of what could not be found, or null.
const char *LoadLibrary() {
    static void *handle = nullptr;
    static std::mutex one_thread;
    std::lock_guard<std::mutex> only(one_thread);
    if (handle != nullptr)
        return nullptr;
    void *opened = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (opened == nullptr)
        return "libsystemd.so.0";
    const char *missing = nullptr;
    auto find = [&](auto &function, const char *name) {
        void *symbol = dlsym(opened, name);
        if (symbol == nullptr)
            missing = name;
        memcpy(&function, &symbol, sizeof symbol);
    };
    find(library.create, "sd_bus_new");
    find(library.set_address, "sd_bus_set_address");
    find(library.set_bus_client, "sd_bus_set_bus_client");
    find(library.start, "sd_bus_start");
    find(library.flush_close_unref, "sd_bus_flush_close_unref");
    find(library.add_match, "sd_bus_add_match");
    find(library.process, "sd_bus_process");
    find(library.wait, "sd_bus_wait");
    find(library.call, "sd_bus_call");
    find(library.error_free, "sd_bus_error_free");
    find(library.new_method_call, "sd_bus_message_new_method_call");
    find(library.unref, "sd_bus_message_unref");
    find(library.append_basic, "sd_bus_message_append_basic");
    find(library.open_container, "sd_bus_message_open_container");
    find(library.close_container, "sd_bus_message_close_container");
    find(library.peek_type, "sd_bus_message_peek_type");
    find(library.read_basic, "sd_bus_message_read_basic");
    find(library.enter_container, "sd_bus_message_enter_container");
    find(library.exit_container, "sd_bus_message_exit_container");
    find(library.get_member, "sd_bus_message_get_member");
    if (missing == nullptr)
        handle = opened;
    return missing;
}

// What JavaScript holds; null once it was closed.
struct Connection {
    sd_bus *bus;
};

struct Message {
    sd_bus_message *message = nullptr;
    ~Message() {
        if (message != nullptr)
            library.unref(message);
    }
};

sd_bus *ToBus(Napi::Value value) {
    if (value.Env().IsExceptionPending())
        return nullptr;
    sd_bus *bus = value.IsExternal() ? value.As<Napi::External<Connection>>().Data()->bus : nullptr;
    if (bus == nullptr)
        Throw(value.Env(), EBADF, "sd_bus");
    return bus;
}

// Where the first complete type of a signature ends.
const char *TypeEnd(const char *type) {
    if (*type == 'a')
        return TypeEnd(type + 1);
    if (*type != '(' && *type != '{')
        return *type == '\0' ? type : type + 1;
    int depth = 0;
    do {
        depth += *type == '(' || *type == '{' ? 1 : *type == ')' || *type == '}' ? -1 : 0;
    } while (*type++ != '\0' && depth > 0 && *type != '\0');
    return type;
}

int AppendAll(sd_bus_message *message, const std::string &types, Napi::Value values);

template <typename Number> int AppendNumber(sd_bus_message *message, char type, Number number) {
    return library.append_basic(message, type, &number);
}

int64_t ToInt64(Napi::Value value) {
    if (value.Env().IsExceptionPending())
        return 0;
    bool lossless = false;
    return value.As<Napi::BigInt>().Int64Value(&lossless);
}

int AppendBasic(sd_bus_message *message, char type, Napi::Value value) {
    switch (type) {
    case 'y': return AppendNumber(message, type, static_cast<uint8_t>(ToUint(value)));
    case 'b': return AppendNumber(message, type, static_cast<int>(ToBool(value)));
    case 'n': return AppendNumber(message, type, static_cast<int16_t>(ToInt(value)));
    case 'q': return AppendNumber(message, type, static_cast<uint16_t>(ToUint(value)));
    case 'i': return AppendNumber(message, type, ToInt(value));
    case 'u': return AppendNumber(message, type, ToUint(value));
    case 'x': return AppendNumber(message, type, ToInt64(value));
    case 't': return AppendNumber(message, type, ToUint64(value));
    case 'd': return AppendNumber(message, type, value.As<Napi::Number>().DoubleValue());
    case 's':
    case 'o':
    case 'g': return library.append_basic(message, type, ToText(value).c_str());
    default: return -EINVAL;
    }
}

int AppendContainer(sd_bus_message *message, char kind, const std::string &contents,
                    Napi::Value values) {
    if (int result = library.open_container(message, kind, contents.c_str()); result < 0)
        return result;
    int result = 0;
    if (kind == 'a')
        for (uint32_t i = 0, length = Length(values); i < length && result >= 0; i++) {
            Napi::HandleScope scope(values.Env());
            Napi::Array one = Napi::Array::New(values.Env(), 1);
            one.Set(0u, Element(values, i));
            result = AppendAll(message, contents, one);
        }
    else
        result = AppendAll(message, contents, values);
    return result < 0 ? result : library.close_container(message);
}

// The value of one complete type: arrays and structs are arrays, a variant is [signature, value].
int Append(sd_bus_message *message, const std::string &type, Napi::Value value) {
    switch (type[0]) {
    case 'a': return AppendContainer(message, 'a', type.substr(1), value);
    case '(': return AppendContainer(message, 'r', type.substr(1, type.size() - 2), value);
    case '{': return AppendContainer(message, 'e', type.substr(1, type.size() - 2), value);
    case 'v': {
        std::string contents = ToText(Element(value, 0));
        Napi::Array one = Napi::Array::New(value.Env(), 1);
        one.Set(0u, Element(value, 1));
        return AppendContainer(message, 'v', contents, one);
    }
    default: return AppendBasic(message, type[0], value);
    }
}

int AppendAll(sd_bus_message *message, const std::string &types, Napi::Value values) {
    uint32_t index = 0;
    for (const char *type = types.c_str(); *type != '\0'; index++) {
        const char *end = TypeEnd(type);
        int result = Append(message, std::string(type, end), Element(values, index));
        if (values.Env().IsExceptionPending())
            return -EINVAL;
        if (result < 0)
            return result;
        type = end;
    }
    return 0;
}

Napi::Value ReadAll(Napi::Env env, sd_bus_message *message);

template <typename Number> Number ReadNumber(sd_bus_message *message, char type) {
    Number number = {};
    library.read_basic(message, type, &number);
    return number;
}

Napi::Value ReadBasic(Napi::Env env, sd_bus_message *message, char type) {
    switch (type) {
    case 'y': return Napi::Number::New(env, ReadNumber<uint8_t>(message, type));
    case 'b': return Napi::Boolean::New(env, ReadNumber<int>(message, type) != 0);
    case 'n': return Napi::Number::New(env, ReadNumber<int16_t>(message, type));
    case 'q': return Napi::Number::New(env, ReadNumber<uint16_t>(message, type));
    case 'i': return Napi::Number::New(env, ReadNumber<int32_t>(message, type));
    case 'u': return Napi::Number::New(env, ReadNumber<uint32_t>(message, type));
    case 'x': return Napi::BigInt::New(env, ReadNumber<int64_t>(message, type));
    case 't': return Napi::BigInt::New(env, ReadNumber<uint64_t>(message, type));
    case 'd': return Napi::Number::New(env, ReadNumber<double>(message, type));
    case 's':
    case 'o':
    case 'g': {
        const char *text = ReadNumber<const char *>(message, type);
        return Napi::String::New(env, text == nullptr ? "" : text);
    }
    default: // a descriptor: nothing here asks for one
        ReadNumber<int>(message, type);
        return env.Null();
    }
}

// What is left of the message or of the container that was entered.
Napi::Value ReadAll(Napi::Env env, sd_bus_message *message) {
    Napi::Array values = Napi::Array::New(env);
    char type = 0;
    const char *contents = nullptr;
    while (library.peek_type(message, &type, &contents) > 0) {
        const bool container = strchr("arev", type) != nullptr;
        if (!container) {
            values.Set(values.Length(), ReadBasic(env, message, type));
            continue;
        }
        const std::string signature = contents;
        if (library.enter_container(message, type, signature.c_str()) < 0)
            break;
        Napi::Value inner = ReadAll(env, message);
        if (type == 'v') {
            Napi::Array variant = Napi::Array::New(env, 2);
            variant.Set(0u, Napi::String::New(env, signature));
            variant.Set(1u, inner.As<Napi::Array>().Get(0u));
            inner = variant;
        }
        values.Set(values.Length(), inner);
        library.exit_container(message);
    }
    return values;
}

Napi::Value BusOpen(Arguments info) {
    Napi::Env env = info.Env();
    std::string address = ToText(info[0]);
    bool direct = ToBool(info[1]);
    if (Failed(info))
        return env.Undefined();
    if (const char *missing = LoadLibrary())
        return ThrowMessage(env, ENOENT, "dlopen", std::string("cannot load ") + missing);
    sd_bus *bus = nullptr;
    int result = library.create(&bus);
    if (result >= 0)
        result = library.set_address(bus, address.c_str());
    if (result >= 0 && !direct)
        result = library.set_bus_client(bus, 1);
    if (result >= 0)
        result = library.start(bus);
    if (result < 0) {
        if (bus != nullptr)
            library.flush_close_unref(bus);
        return Throw(env, -result, "sd_bus_start", address);
    }
    return Napi::External<Connection>::New(env, new Connection{bus},
                                           [](Napi::Env, Connection *it) { delete it; });
}

Napi::Value BusClose(Arguments info) {
    if (sd_bus *bus = ToBus(info[0])) {
        library.flush_close_unref(bus);
        info[0].As<Napi::External<Connection>>().Data()->bus = nullptr;
    }
    return info.Env().Undefined();
}

// A refusal by the other side carries its name in `busError`.
Napi::Value ThrowRefusal(Napi::Env env, int result, sd_bus_error *error) {
    if (error->name == nullptr)
        return Throw(env, -result, "sd_bus_call");
    std::string message = error->message != nullptr ? error->message : error->name;
    Napi::Error thrown = Napi::Error::New(env, message);
    thrown.Set("errno", Napi::Number::New(env, result));
    thrown.Set("code", Napi::String::New(env, ErrorName(-result)));
    thrown.Set("syscall", Napi::String::New(env, "sd_bus_call"));
    thrown.Set("busError", Napi::String::New(env, error->name));
    library.error_free(error);
    thrown.ThrowAsJavaScriptException();
    return env.Undefined();
}

Napi::Value BusCall(Arguments info) {
    Napi::Env env = info.Env();
    sd_bus *bus = ToBus(info[0]);
    std::string destination = ToText(Field(info[1], "destination"));
    std::string path = ToText(Field(info[1], "path"));
    std::string interface = ToText(Field(info[1], "interface"));
    std::string member = ToText(Field(info[1], "member"));
    std::string signature = ToText(Field(info[1], "signature"));
    Napi::Value arguments = Field(info[1], "arguments");
    uint64_t timeout = uint64_t{ToUint(info[2])} * 1000;
    if (Failed(info))
        return env.Undefined();
    Message request, reply;
    int result = library.new_method_call(bus, &request.message, destination.c_str(), path.c_str(),
                                         interface.c_str(), member.c_str());
    if (result >= 0)
        result = AppendAll(request.message, signature, arguments);
    if (Failed(info))
        return env.Undefined();
    if (result < 0)
        return Throw(env, -result, "sd_bus_message_append", member);
    sd_bus_error error = kNoError;
    result = library.call(bus, request.message, timeout, &error, &reply.message);
    return result < 0 ? ThrowRefusal(env, result, &error) : ReadAll(env, reply.message);
}

// Asks for the signals of a rule: they come out of busReceive.
Napi::Value BusMatch(Arguments info) {
    sd_bus *bus = ToBus(info[0]);
    std::string rule = ToText(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    int result = library.add_match(bus, nullptr, rule.c_str(), nullptr, nullptr);
    return result < 0 ? Throw(info.Env(), -result, "sd_bus_add_match") : info.Env().Undefined();
}

uint64_t Microseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

// The next message that nobody waits for: {member, body}; undefined when the time is up.
Napi::Value BusReceive(Arguments info) {
    Napi::Env env = info.Env();
    sd_bus *bus = ToBus(info[0]);
    const uint64_t end = Microseconds() + uint64_t{ToUint(info[1])} * 1000;
    if (Failed(info))
        return env.Undefined();
    for (;;) {
        Message received;
        int result = library.process(bus, &received.message);
        if (result < 0)
            return Throw(env, -result, "sd_bus_process");
        if (received.message != nullptr) {
            const char *member = library.get_member(received.message);
            Napi::Object message = Napi::Object::New(env);
            message.Set("member", Napi::String::New(env, member == nullptr ? "" : member));
            message.Set("body", ReadAll(env, received.message));
            return message;
        }
        const uint64_t now = Microseconds();
        if (result == 0 && now >= end)
            return env.Undefined();
        if (result == 0)
            result = library.wait(bus, end - now);
        if (result < 0 && result != -EINTR)
            return Throw(env, -result, "sd_bus_wait");
    }
}

} // namespace

void DefineBus(Napi::Object exports) {
    Define(exports, "busOpen", BusOpen);
    Define(exports, "busClose", BusClose);
    Define(exports, "busCall", BusCall);
    Define(exports, "busMatch", BusMatch);
    Define(exports, "busReceive", BusReceive);
}
