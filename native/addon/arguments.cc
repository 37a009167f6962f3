// Between JavaScript values and C++ ones.
#include "addon.h"
#include <cstring>

bool Failed(Arguments info) {
    return info.Env().IsExceptionPending();
}

int ToInt(Napi::Value value) {
    return value.As<Napi::Number>().Int32Value();
}

uint32_t ToUint(Napi::Value value) {
    return value.As<Napi::Number>().Uint32Value();
}

uint64_t ToUint64(Napi::Value value) {
    bool lossless = false;
    uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless && !value.Env().IsExceptionPending())
        Napi::RangeError::New(value.Env(), "An unsigned 64 bit number was expected")
            .ThrowAsJavaScriptException();
    return number;
}

bool ToBool(Napi::Value value) {
    return value.As<Napi::Boolean>().Value();
}

std::string ToText(Napi::Value value) {
    std::string text = value.As<Napi::String>().Utf8Value();
    if (text.find('\0') != std::string::npos)
        Napi::TypeError::New(value.Env(), "A string without NUL was expected")
            .ThrowAsJavaScriptException();
    return text;
}

// The elements of an array, each converted; empty when one is of the wrong type.
template <typename Element>
static std::vector<Element> ToList(Napi::Value value, Element (*convert)(Napi::Value)) {
    std::vector<Element> list;
    if (!value.IsArray()) {
        Napi::TypeError::New(value.Env(), "An array was expected").ThrowAsJavaScriptException();
        return list;
    }
    Napi::Array array = value.As<Napi::Array>();
    uint32_t length = array.Length();
    list.reserve(length);
    for (uint32_t i = 0; i < length; i++) {
        Napi::HandleScope scope(value.Env());
        list.push_back(convert(array.Get(i)));
        if (value.Env().IsExceptionPending())
            return {};
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
