"""Golden fixtures of CLIPs that make_fixtures.py leaves out: other versions and options of x-clip, CoCa's image encoders, open_clip.

    PYTHONPATH=<source trees of the versions> python make_clip_fixtures.py OUT NAME...

The models are the real packages; DALLE2-pytorch's adapters, which take unit length and zero the padding, are written out here, so that
no other package is needed. Each name needs the version beside it on PYTHONPATH: x_clip (28773c8 is 0.7.0, e4e7ff2 is 0.10.0),
vit_pytorch (9468151 of 2021, b3e90a2 is 0.35, bdaf2d1 is 1.0.0), coca_pytorch 0.1.0, open_clip 3.3.0. The checkpoints were then made
smaller by `dalle2 convert --dtype f16`.
"""
import argparse, json, os
import torch
import torch.nn.functional as F
from make_dialect_fixtures import lively, save_safetensors

SEED = 1000
XCLIP = dict(dim_text=32, dim_image=24, dim_latent=16, num_text_tokens=64, text_enc_depth=2, text_seq_len=16, text_heads=2, text_dim_head=16,
             visual_enc_depth=2, visual_image_size=32, visual_patch_size=16, visual_heads=3, visual_dim_head=8)
COCA = dict(dim=32, image_dim=24, num_tokens=64, unimodal_depth=2, multimodal_depth=1, num_img_queries=4, dim_head=16, heads=2, ff_mult=2)
VIT = dict(patch_size=8, dim=24, depth=2, heads=2, dim_head=12, mlp_dim=40)


def tokens():
    """Two texts shorter than the context, one with padding, one with a zero inside."""
    text = torch.randint(1, 64, (2, 11), generator=torch.Generator().manual_seed(SEED))
    text[0, 7:] = 0
    text[1, 4] = 0
    return text


def image():
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(SEED + 1))


def unit(t):
    return F.normalize(t.float(), dim=-1)


def masked(encodings, text):
    return encodings.masked_fill((text == 0)[..., None], 0.)


def xclip(ours={}, **options):
    from x_clip.x_clip import CLIP
    model = lively(CLIP(**XCLIP, **options), SEED + 2)
    text, pictures = tokens(), image()
    encoded = model.text_transformer(text)
    seen = model.visual_transformer(pictures)
    return dict(make='x-clip', kwargs={**XCLIP, **options, **ours}, model=model, out=dict(
        text_embed=unit(model.to_text_latent(encoded[:, 0])), text_encodings=masked(encoded[:, 1:], text),
        image_embed=unit(model.to_visual_latent(seen[:, 0]))))


def coca(make):
    from coca_pytorch.coca_pytorch import CoCa
    if make == 'vit':
        from vit_pytorch.vit import ViT as Encoder
    else:
        from vit_pytorch.simple_vit import SimpleViT as Encoder
    encoder = Encoder(image_size=32, num_classes=10, **VIT)

    class Extractor(torch.nn.Module):
        """vit-pytorch's, whose name of the encoder is `vit`; older versions have none."""
        def __init__(self):
            super().__init__()
            self.vit = encoder
            encoder.transformer.register_forward_hook(lambda module, inputs, output: setattr(self, 'tokens', output))

        def forward(self, x):
            self.vit(x)
            return self.tokens
    model = lively(CoCa(img_encoder=Extractor(), **COCA), SEED + 3)
    text, pictures = tokens(), image()
    text_embed, encodings = model.embed_text(text)
    image_embed, _ = model.embed_image(pictures)
    kwargs = {**COCA, 'image_size': 32, 'image_channels': 3, 'max_text_len': 16, 'img_encoder': {'make': make, **VIT}}
    return dict(make='coca', kwargs=kwargs, model=model, out=dict(text_embed=text_embed, text_encodings=masked(encodings, text), image_embed=image_embed))


def open_clip_model():
    """Exact GELU, heads that are not 64 wide, an MLP that is not four times as wide, and a mean and deviation of its own."""
    from open_clip.model import CLIP
    vision = dict(image_size=32, layers=2, width=40, head_width=20, patch_size=8, mlp_ratio=2.4)
    words = dict(context_length=11, vocab_size=64, width=32, heads=4, layers=2)
    mean, std = [0.5, 0.45, 0.4], [0.25, 0.26, 0.27]
    model = lively(CLIP(embed_dim=16, vision_cfg=vision, text_cfg=words), SEED + 4)
    text, pictures = tokens(), image()
    kept = []
    model.ln_final.register_forward_hook(lambda module, inputs, output: kept.append(output))
    text_embed = unit(model.encode_text(text))
    shape = (1, 3, 1, 1)
    pictures = (pictures - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)
    kwargs = dict(model_cfg=dict(embed_dim=16, vision_cfg=vision, text_cfg=words), preprocess_cfg=dict(mean=mean, std=std))
    return dict(make='open_clip', kwargs=kwargs, model=model, out=dict(
        text_embed=text_embed, text_encodings=masked(kept[0], text), image_embed=unit(model.encode_image(pictures))))


VARIANTS = {
    'clip-xclip-rotary': lambda: xclip(text_rotary_pos_emb=True, use_mlm=True),
    'clip-xclip-0.7': xclip,
    'clip-xclip-0.10': lambda: xclip(text_rotary_pos_emb=True, ours={'cosine_sim_attn': True}),
    'clip-coca-vit': lambda: coca('vit'),
    'clip-coca-vit-1.0': lambda: coca('vit'),
    'clip-coca-vit-2021': lambda: coca('vit'),
    'clip-coca-simple-vit': lambda: coca('simple_vit'),
    'clip-coca-simple-vit-0.35': lambda: coca('simple_vit'),
    'clip-open-clip': open_clip_model,
}


@torch.no_grad()
def make(name, out):
    torch.manual_seed(SEED)
    result = VARIANTS[name]()
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    torch.save(result['model'].state_dict(), os.path.join(folder, 'model.pth'))
    clip = {'make': result['make'], 'model': 'tiny', 'base_model_kwargs': result['kwargs']}
    info = {'name': name, 'kind': 'clip', 'reference': f'dalle2_pytorch 1.14.2 (its adapters), torch {torch.__version__}', 'seed': SEED,
            'clip': clip, 'checkpoint': 'model.safetensors'}
    with open(os.path.join(folder, 'fixture.json'), 'w') as f:
        json.dump(info, f, indent=1)
    io = {'in.tokens': tokens(), 'in.image': image(), **{f'out.{key}': value for key, value in result['out'].items()}}
    save_safetensors(os.path.join(folder, 'io.safetensors'), io)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('out')
parser.add_argument('names', nargs='+', choices=VARIANTS)
arguments = parser.parse_args()
for name in arguments.names:
    make(name, arguments.out)
