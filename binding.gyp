# Addon, init, launcher and prefault. init and the launcher are programs without a C library: they are compiled in one
# step with exactly the flags below, not with those that Node's headers ask for.
{
  'variables': {
    'compiler': '<!(echo ${CC:-cc})',
    'freestanding': [
      '-std=gnu11', '-Os', '-g0', '-Wall', '-Wextra', '-Werror', '-Wshadow', '-Wstrict-prototypes',
      '-ffreestanding', '-fno-builtin', '-fno-tree-loop-distribute-patterns',
      '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-fno-pic', '-fno-pie',
      '-fwrapv', '-ffunction-sections', '-fdata-sections', '-ffile-prefix-map=..=.',
      '-nostdlib', '-static', '-no-pie', '-Wl,--gc-sections', '-Wl,--build-id=none',
      '-Wl,-z,noexecstack', '-Wl,-z,norelro', '-Wl,-z,noseparate-code', '-s', '-Ibuild',
    ],
    'init_sources': [ '<!@(ls native/init/*.c)' ],
    'init_headers': [ '<!@(ls native/init/*.h)', 'build/build-id.h' ],
    'launcher_sources': [ '<!@(ls native/launcher/*.c)', 'native/init/start.c', 'native/init/text.c', 'native/init/plan.c' ],
    'prefault_sources': [ '<!@(ls native/prefault/*.c)' ],
    'launcher_headers': [ '<!@(ls native/launcher/*.h)' ],
  },
  'targets': [
    {
      'target_name': 'tsrun',
      'sources': [ '<!@(ls native/addon/*.cc)' ],
      'include_dirs': [ "<!(pwd)/node_modules/node-addon-api", "build", '<!@(pkg-config --cflags-only-I libseccomp | sed s/-I//g)' ],
      'defines': [ 'NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS' ],
      'cflags': [ '-fvisibility=hidden', '-ffile-prefix-map=..=.' ],
      'cflags_cc': [ '-Wall', '-Wextra', '-Werror', '-fvisibility-inlines-hidden', '-O2' ],
      'cflags_cc!': [ '-O3' ],
      'cflags!': [ '-O3' ],
      'ldflags!': [ '-rdynamic' ],
      'ldflags': [ '-Wl,--exclude-libs,ALL', '-Wl,--gc-sections', '-Wl,-z,relro,-z,now', '-s' ],
      # The archive, not the shared library: the addon must not depend on the host's libseccomp.
      'libraries': [ '<!(pkg-config --variable=libdir libseccomp)/libseccomp.a' ],
    },
    {
      'target_name': 'init',
      'type': 'none',
      'actions': [{
        'action_name': 'compile_init',
        'inputs': [ '<@(init_sources)', '<@(init_headers)' ],
        'outputs': [ '<(PRODUCT_DIR)/init' ],
        'action': [ '<(compiler)', '<@(freestanding)', '-o', '<@(_outputs)', '<@(init_sources)' ],
      }],
    },
    {
      'target_name': 'launcher',
      'type': 'none',
      'actions': [{
        'action_name': 'compile_launcher',
        'inputs': [ '<@(launcher_sources)', '<@(launcher_headers)', '<@(init_headers)' ],
        'outputs': [ '<(PRODUCT_DIR)/launcher' ],
        'action': [ '<(compiler)', '<@(freestanding)', '-DWIRE_OF_LAUNCHER', '-o', '<@(_outputs)', '<@(launcher_sources)' ],
      }],
    },
    {
      'target_name': 'prefault',
      'type': 'none',
      'actions': [{
        'action_name': 'compile_prefault',
        'inputs': [ '<@(prefault_sources)', 'native/prefault/memory.h' ],
        'outputs': [ '<(PRODUCT_DIR)/prefault.so' ],
        'action': [
          '<(compiler)', '-std=gnu11', '-D_GNU_SOURCE', '-O2', '-g0', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared',
          '-fvisibility=hidden', '-ffile-prefix-map=..=.', '-Wl,-z,relro,-z,now', '-Wl,-z,noseparate-code', '-s',
          '-o', '<@(_outputs)', '<@(prefault_sources)',
        ],
      }],
    },
    {
      # init with sanitizers and a C library, for the tests of its reader; built only when named.
      'target_name': 'init_asan',
      'type': 'none',
      'actions': [{
        'action_name': 'compile_init_asan',
        'inputs': [ '<@(init_sources)', '<@(init_headers)' ],
        'outputs': [ '<(PRODUCT_DIR)/init_asan' ],
        'action': [
          'clang', '-std=gnu11', '-O1', '-g', '-DINIT_HOSTED', '-fno-omit-frame-pointer',
          '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-Ibuild',
          '-o', '<@(_outputs)', '<@(init_sources)',
        ],
      }],
    },
  ],
}
