"""Strictness of loading that no file can switch off.

A `config.json` comes from whoever made the weights. Among the arguments that timm takes out of it
are those that say how strictly weights are loaded, and from where; so only arguments that describe
a network pass, and what was loaded is compared with the file, key by key and value by value.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.errors import BackboneError
from headstart.lists import some_of

if TYPE_CHECKING:
    from torch import nn

__all__ = ["check_arguments", "check_loaded"]

# What timm's networks are described by (their own constructors' arguments), and nothing that says
# how weights are found, filtered, adapted or compared.
_DESCRIBING = frozenset([
    "act_layer", "aa_layer", "always_partition", "attn_drop_rate", "attn_pool_mlp_ratio",
    "attn_pool_num_heads", "avg_down", "base_width", "bn_eps", "bn_momentum", "bottle_ratio",
    "cardinality", "channel_multiplier", "channels", "class_token", "conv_bias", "conv_mlp",
    "conv_ratio", "depth", "depth_mult", "depths", "dim", "dims", "distilled",
    "drop_block_rate", "drop_path_rate", "drop_rate", "dynamic_img_pad", "dynamic_img_size",
    "embed_dim", "embed_dims", "expand_ratio", "fc_norm", "final_norm", "fix_init", "fix_stem",
    "fused_conv", "global_pool", "growth_rate", "head_bias", "head_dim", "head_hidden_size",
    "head_init_scale", "head_norm", "head_norm_first", "img_size", "init_values", "kernel_size",
    "kernel_sizes", "layer_scale_init_value", "layers", "ls_init_value", "mlp_ratio",
    "mlp_ratios", "no_embed_class", "norm_eps", "norm_layer", "num_features", "num_heads",
    "num_reg_tokens", "output_stride", "pad_type", "patch_drop_rate", "patch_kernel",
    "patch_norm", "patch_size", "patch_stride", "pool_include_prefix", "pool_type",
    "pos_drop_rate", "pos_embed", "pre_norm", "proj_bias", "proj_drop_rate", "qk_norm",
    "qkv_bias", "qkv_fused", "ref_feat_shape", "reg_tokens", "rope_grid_indexing",
    "rope_grid_offset", "rope_rotate_half", "rope_temperature", "rope_type", "round_chs_fn",
    "scale", "scale_attn_inner_norm", "scale_attn_norm", "scale_mlp", "scale_mlp_norm",
    "se_from_exp", "se_layer", "se_ratio", "sr_ratios", "stem_bias", "stem_chs",
    "stem_kernel_size", "stem_norm", "stem_size", "stem_stride", "stem_type", "stem_width",
    "strict_img_size", "swiglu_align_to", "swiglu_mlp", "use_abs_pos_emb", "use_fc_norm",
    "use_grn", "use_layer_scale", "use_pos_emb", "use_pos_embed", "use_post_norm",
    "use_rel_pos_bias", "use_rot_pos_emb", "use_shared_rel_pos_bias", "weight_init", "width",
    "width_factor", "width_mult", "widths", "window_ratio", "window_size", "zero_init_last",
])  # fmt: skip
# BatchNorm's counters came later than its weights, and decide nothing.
_COUNTERS = "num_batches_tracked"


def check_arguments(config: dict[str, Any], where: Path) -> None:
    """Refuses a config.json that tells timm more than what the network is.

    Args:
        config: In timm's layout.
        where: The file.

    Raises:
        BackboneError: With the argument's name.
    """
    arguments = config.get("model_args") or {}
    if not isinstance(arguments, dict):
        raise BackboneError(f'{where}: "model_args" is not an object')
    classes = config.get("num_classes", config.get("pretrained_cfg", config).get("num_classes"))
    # These two may say again what the file says of its weights, and nothing else.
    same = {"num_classes": classes, "in_chans": 3}
    strange = [
        name
        for name, value in arguments.items()
        if not (name in _DESCRIBING or (name in same and value == same[name]))
    ]
    if strange:
        raise BackboneError(
            f'{where}: "model_args" holds {", ".join(sorted(strange))}, and Headstart passes on to '
            f"timm only what describes a network; take it out, or build the network with timm and "
            f"write it with timm.models.save_for_hf(model, folder)"
        )
    if not all(_is_plain(value) for value in arguments.values()):
        raise BackboneError(f'{where}: "model_args" holds what is no number, text or list of these')


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, str | int | float | bool)


def check_loaded(network: nn.Module, weights: Path, classifiers: Sequence[str]) -> None:
    """Compares a network with the file that it was loaded from.

    Args:
        network: With the classifier that its weights have.
        weights: A safetensors file.
        classifiers: Names of its classifier layers, whose rows timm may have cut.

    Raises:
        BackboneError: If a tensor is missing in the file, or is another there.
    """
    import torch
    from safetensors import safe_open

    state = network.state_dict()
    cut = {f"{each}.{part}" for each in classifiers for part in ("weight", "bias")}
    with safe_open(weights, framework="pt") as stream:
        known = set(stream.keys())
        missing = [k for k in state if k not in known and not k.endswith(_COUNTERS)]
        # Keys that are strange as well are of a layout that timm translates, and then judges.
        if missing and known - cut <= set(state):
            raise BackboneError(
                f"{weights}: the weights do not fit: {len(missing)} missing ({some_of(missing, 3)})"
            )
        for name in sorted((known & set(state)) - cut):
            saved, loaded = stream.get_tensor(name), state[name]
            if saved.shape != loaded.shape or not torch.equal(saved.to(loaded.dtype), loaded):
                raise BackboneError(
                    f"{weights}: timm did not load what is there: {name} differs; write the "
                    f"network anew with timm.models.save_for_hf(model, folder)"
                )
