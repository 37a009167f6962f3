// Between JavaScript values and C++ ones.
#include "addon.h"
#include <cstring>

bool Failed(Arguments info) {
    return info.Env().IsExceptionPending();
}

// With an exception pending no more may be asked of JavaScript.
static bool Pending(Napi::Value value) {
    return value.Env().IsExceptionPending();
}

static Napi::Value OrUndefined(Napi::Env env, Napi::Value value) {
    return value.IsEmpty() ? env.Undefined() : value;
}

Napi::Value Field(Napi::Value object, const char *name) {
    if (Pending(object))
        return object.Env().Undefined();
    return OrUndefined(object.Env(), object.As<Napi::Object>().Get(name));
}

Napi::Value Element(Napi::Value array, uint32_t index) {
    if (Pending(array))
        return array.Env().Undefined();
    return OrUndefined(array.Env(), array.As<Napi::Object>().Get(index));
}

uint32_t Length(Napi::Value array) {
    if (Pending(array))
        return 0;
    if (!array.IsArray()) {
        Napi::TypeError::New(array.Env(), "An array was expected").ThrowAsJavaScriptException();
        return 0;
    }
    return array.As<Napi::Array>().Length();
}

int ToInt(Napi::Value value) {
    return Pending(value) ? 0 : value.As<Napi::Number>().Int32Value();
}

uint32_t ToUint(Napi::Value value) {
    return Pending(value) ? 0 : value.As<Napi::Number>().Uint32Value();
}

uint64_t ToUint64(Napi::Value value) {
    if (Pending(value))
        return 0;
    bool lossless = false;
    uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless && !Pending(value))
        Napi::RangeError::New(value.Env(), "An unsigned 64 bit number was expected")
            .ThrowAsJavaScriptException();
    return number;
}

bool ToBool(Napi::Value value) {
    return Pending(value) ? false : value.As<Napi::Boolean>().Value();
}

std::string ToText(Napi::Value value) {
    if (Pending(value))
        return "";
    std::string text = value.As<Napi::String>().Utf8Value();
    if (text.find('\0') != std::string::npos)
        Napi::TypeError::New(value.Env(), "A string without NUL was expected")
            .ThrowAsJavaScriptException();
    return text;
}

// The elements of an array, each converted.
template <typename Item>
static std::vector<Item> ToList(Napi::Value value, Item (*convert)(Napi::Value)) {
    std::vector<Item> list;
    const uint32_t length = Length(value);
    for (uint32_t i = 0; i < length && !Pending(value); i++) {
        Napi::HandleScope scope(value.Env());
        list.push_back(convert(Element(value, i)));
    }
    return list;
}

std::vector<int> ToInts(Napi::Value value) {
    return ToList<int>(value, ToInt);
}

std::vector<std::string> ToTexts(Napi::Value value) {
    return ToList<std::string>(value, ToText);
}

Napi::Uint8Array ToBytes(Napi::Value value) {
    if (Pending(value))
        return Napi::Uint8Array();
    if (!value.IsTypedArray() ||
        value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
        Napi::TypeError::New(value.Env(), "A Uint8Array was expected").ThrowAsJavaScriptException();
        return Napi::Uint8Array();
    }
    return value.As<Napi::Uint8Array>();
}

Napi::Value FromBytes(Napi::Env env, const void *data, size_t length) {
    Napi::Uint8Array bytes = Napi::Uint8Array::New(env, length);
    if (length > 0)
        memcpy(bytes.Data(), data, length);
    return bytes;
}

Napi::Value FromInts(Napi::Env env, const std::vector<int> &values) {
    Napi::Array array = Napi::Array::New(env, values.size());
    for (uint32_t i = 0; i < values.size(); i++)
        array.Set(i, Napi::Number::New(env, values[i]));
    return array;
}
