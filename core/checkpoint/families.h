// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/family.h"

namespace moescope {

Family deepseekV2Family();        // family_deepseek_v2.cpp
Family deepseekV3Family();        // family_deepseek_v3.cpp
Family glm4MoeFamily();           // family_glm4_moe.cpp
Family minimaxM2Family();         // family_minimax_m2.cpp
Family dbrxFamily();              // family_dbrx.cpp
Family ernieFamily();             // family_ernie4_5_moe.cpp
Family flexOlmoFamily();          // family_flex_olmo.cpp
Family graniteMoeFamily();        // family_granitemoe.cpp
Family graniteMoeSharedFamily();  // family_granitemoe.cpp
Family hunyuanFamily();           // family_hunyuan_v1_moe.cpp
Family qwen2Family();             // family_qwen.cpp
Family qwen3Family();             // family_qwen.cpp
Family gptOssFamily();            // family_gpt_oss.cpp
Family llama4Family();            // family_llama4.cpp
Family phimoeFamily();            // family_phimoe.cpp
Family mixtralFamily();           // family_mixtral.cpp
Family olmoeFamily();             // family_olmoe.cpp
Family qwen3MoeFamily();          // family_qwen3_moe.cpp
Family qwen2MoeFamily();          // family_qwen2_moe.cpp
Family dots1Family();             // family_dots1.cpp
Family llamaFamily();             // family_llama.cpp
Family moescopeFamily();          // family_moescope.cpp

}  // namespace moescope
