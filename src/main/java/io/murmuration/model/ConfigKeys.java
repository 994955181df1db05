package io.murmuration.model;

import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What is made of the keys of a configuration file that are not understood: those that are known
 * not to matter here, and why; and those that are known to matter and are refused, and why. Every
 * other key is refused too, unless it is null, false or empty.
 *
 * <p>docs/models.md has the same lists as a table.
 */
enum ConfigKeys {
  /** {@code config.json} of a model. */
  MODEL("config.json") {
    @Override
    void list() {
      irrelevant(
          "says how the model was trained; nothing is dropped out or drawn here",
          "attention_dropout",
          "attn_pdrop",
          "embd_pdrop",
          "hidden_dropout",
          "initializer_range",
          "resid_pdrop",
          "summary_first_dropout");
      irrelevant(
          "belongs to classification",
          "finetuning_task",
          "id2label",
          "label2id",
          "num_labels",
          "problem_type",
          "summary_activation",
          "summary_proj_to_labels",
          "summary_type",
          "summary_use_proj",
          "task_specific_params");
      irrelevant(
          "names who wrote the file and with what",
          "_commit_hash",
          "_name_or_path",
          "is_llama_config",
          "name_or_path",
          "processor_class",
          "tokenizer_class",
          "transformers.js_config",
          "transformers_version",
          "unsloth_fixed",
          "unsloth_version");
      irrelevant("names code that loads only where foreign code is trusted", "auto_map");
      irrelevant(
          "a precision to serve in; weights are read as they are stored, and computed with in"
              + " float32",
          "dtype",
          "reorder_and_upcast_attn",
          "torch_dtype",
          "use_bfloat16");
      irrelevant(
          "how another program computes the same",
          "_attn_implementation",
          "_attn_implementation_autoset",
          "attn_implementation",
          "cache_implementation",
          "chunk_size_feed_forward",
          "is_decoder",
          "pretraining_tp",
          "torchscript",
          "use_cache");
      irrelevant(
          "what another program returns",
          "output_attentions",
          "output_hidden_states",
          "output_scores",
          "return_dict",
          "return_dict_in_generate");
      irrelevant("a name of older files for n_positions", "n_ctx");
      irrelevant(
          "an id that stands in no text",
          "cls_token_id",
          "decoder_start_token_id",
          "pad_token_id",
          "prefix",
          "sep_token_id",
          "unk_token_id");
      for (String key : SAMPLING) {
        irrelevant("how a server samples by default; nothing is sampled by it here", key);
      }
      refused("weights must be stored in f32, f16 or bf16", "quantization_config");
      refused("layers must be alike but for what their family knows", "per_layer_config");
      refused("heads must not be pruned", "pruned_heads");
      refused("attention must look back only", "use_bidirectional_attention");
      refused("there must be a decoder alone", "add_cross_attention", "is_encoder_decoder");
      refused("dimensions must be rotated in halves", "rope_interleaved");
    }
  },

  /** {@code generation_config.json} of a model. */
  GENERATION("generation_config.json") {
    @Override
    void list() {
      for (String key : SAMPLING) {
        irrelevant("how a server samples by default; options of generate say it here", key);
      }
      irrelevant(
          "how a server generates",
          "_from_model_config",
          "assistant_early_exit",
          "assistant_ensemble_weight",
          "cache_config",
          "cache_implementation",
          "chat_format",
          "compile_config",
          "constraints",
          "continuous_batching_config",
          "decoder_start_token_id",
          "disable_compile",
          "dola_layers",
          "force_words_ids",
          "forced_decoder_ids",
          "generation_kwargs",
          "guidance_scale",
          "is_assistant",
          "low_memory",
          "max_cache_len",
          "max_matching_ngram_size",
          "max_time",
          "max_window_size",
          "min_new_tokens",
          "min_p",
          "output_attentions",
          "output_hidden_states",
          "output_logits",
          "output_scores",
          "pad_token_id",
          "penalty_alpha",
          "prefill_chunk_size",
          "prompt_lookup_num_tokens",
          "renormalize_logits",
          "return_dict_in_generate",
          "sequence_bias",
          "speculation_type",
          "stop_strings",
          "token_healing",
          "top_h",
          "transformers_version",
          "use_cache",
          "use_mtp",
          "watermarking_config");
    }
  },

  /** {@code adapter_config.json} of a PEFT adapter. */
  ADAPTER("adapter_config.json") {
    @Override
    void list() {
      irrelevant(
          "names base, task and program",
          "auto_mapping",
          "base_model_name_or_path",
          "inference_mode",
          "megatron_core",
          "peft_version",
          "revision",
          "task_type");
      irrelevant("nothing is dropped out here", "lora_dropout");
      irrelevant("follows from the layer; peft corrects it too", "fan_in_fan_out");
      irrelevant("counts only with use_qalora, which is refused", "qalora_group_size");
      irrelevant("where another program computes", "runtime_config");
      refused("the update must be of low rank and nothing else", "use_dora", "lora_bias");
      refused("the update must be B times A", "kasa_config", "monteclora_config", "use_bdlora");
      refused("the adapter must act on every token", "alora_invocation_tokens", "arrow_config");
      refused(
          "all adapted maps must have the same rank and alpha", "rank_pattern", "alpha_pattern");
      refused("nothing but linear maps must be adapted", "modules_to_save", "target_parameters");
      refused("embeddings must be as in the base", "trainable_token_indices");
      refused("layers must be those of the base", "layer_replication");
      refused(
          "the base must be the one that was trained on",
          "corda_config",
          "eva_config",
          "loftq_config",
          "lora_ga_config",
          "use_qalora",
          "velora_config");
    }
  },

  /** {@code tokenizer.json}. */
  TOKENIZER("tokenizer.json") {
    @Override
    void list() {
      irrelevant("the version of the format", "version");
      irrelevant("texts are cut at training.max-tokens instead", "truncation");
      irrelevant("nothing is padded with tokens", "padding");
      irrelevant(
          "what precedes a text is said by beginning of text instead, and must agree with it",
          "post_processor");
    }
  };

  private static final String[] SAMPLING = {
    "assistant_confidence_threshold",
    "assistant_lookbehind",
    "bad_words_ids",
    "begin_suppress_tokens",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "epsilon_cutoff",
    "eta_cutoff",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "max_new_tokens",
    "min_length",
    "no_repeat_ngram_size",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "remove_invalid_values",
    "repetition_penalty",
    "suppress_tokens",
    "target_lookbehind",
    "temperature",
    "top_k",
    "top_p",
    "typical_p"
  };

  private final String file;
  private final SortedMap<String, String> irrelevant = new TreeMap<>();
  private final SortedMap<String, String> refused = new TreeMap<>();

  static {
    for (ConfigKeys keys : values()) {
      keys.list();
    }
  }

  ConfigKeys(String file) {
    this.file = file;
  }

  abstract void list();

  void irrelevant(String why, String... keys) {
    add(irrelevant, why, keys);
  }

  void refused(String why, String... keys) {
    add(refused, why, keys);
  }

  private void add(Map<String, String> target, String why, String... keys) {
    for (String key : keys) {
      if (irrelevant.containsKey(key) || refused.containsKey(key)) {
        throw new IllegalStateException(file + ": " + key + " stands twice");
      }
      target.put(key, why);
    }
  }

  /** Name of the file. */
  String file() {
    return file;
  }

  /** Why a key does not matter; null if it might. */
  String whyIrrelevant(String key) {
    return irrelevant.get(key);
  }

  /** Why a key is refused; null if nothing more is known of it. */
  String whyRefused(String key) {
    return refused.get(key);
  }

  /** All keys that do not matter. */
  Collection<String> irrelevant() {
    return Collections.unmodifiableSet(irrelevant.keySet());
  }

  /** All keys that are known to matter and are not understood. */
  Collection<String> refused() {
    return Collections.unmodifiableSet(refused.keySet());
  }
}
