// The addon: mechanism only. Each function is one kernel call, or a short fixed sequence of them.
// Its face is src/native.ts.
#include "addon.h"
#include "build-id.h"

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
    exports.Set("buildId", Napi::String::New(env, TSRUN_BUILD_ID));
    DefineSpawn(exports);
    DefineProcesses(exports);
    DefineDescriptors(exports);
    DefineMessages(exports);
    DefineSignals(exports);
    DefineTerminals(exports);
    DefineSeccomp(exports);
    DefineBpf(exports);
    DefineBus(exports);
    DefineWatch(exports);
    return exports;
}

NODE_API_MODULE(tsrun, Initialize)
