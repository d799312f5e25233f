"""Exports the networks of the Shapes model to ONNX, as the reference computes them, for other runtimes to run.

    python export_onnx.py REFERENCE OUT [--shapes FOLDER]

REFERENCE: a folder with clones named `dalle2` (lucidrains/DALLE2-pytorch), `einops` (arogozhnikov/einops), `rotary`
(lucidrains/rotary-embedding-torch) and `clip` (openai/CLIP). FOLDER: by default `configs/shapes` of this repository.
Writes OUT/{clip_text,prior,unet1,unet2}.onnx (opset 17, f32), and beside each a `.json` with example inputs, the outputs that
torch computed, so that results can be checked, and the multiplications and additions of its products.

Needs torch (1.13 is enough), and no `onnx`. What the reference imports and these networks do not use is replaced by stubs.
"""
import argparse, base64, importlib.abc, importlib.machinery, json, os, struct, sys, types
from unittest.mock import MagicMock
import torch
from torch import nn

SHAPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'configs', 'shapes')


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that the reference imports, but that these networks do not use."""
    NAMES = {'tqdm', 'resize_right', 'coca_pytorch', 'kornia', 'vector_quantize_pytorch', 'x_clip', 'ftfy', 'regex', 'accelerate',
             'ema_pytorch', 'pytorch_warmup', 'pydantic', 'open_clip', 'click', 'webdataset', 'embedding_reader', 'packaging',
             'einops_exts', 'torchvision', 'PIL'}

    def find_spec(self, name, path=None, target=None):
        known = name.split('.')[0] in self.NAMES
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if known else None

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__, module.__spec__, module.__name__ = [], spec, spec.name
        return module

    def exec_module(self, module):
        pass


def import_reference(folder):
    """The modules `dalle2_pytorch` and `clip.model`, without their `__init__`, which import the trainers and more."""
    for part in ('einops', 'rotary'):
        sys.path.insert(0, os.path.join(folder, part))
    sys.meta_path.insert(0, Stubs())
    for name, path in (('dalle2_pytorch', ('dalle2', 'dalle2_pytorch')), ('clip', ('clip', 'clip'))):
        package = types.ModuleType(name)
        package.__path__ = [os.path.join(folder, *path)]
        sys.modules[name] = package
    import dalle2_pytorch.dalle2_pytorch as dalle2
    import clip.model as clip
    return dalle2, clip


def read_safetensors(path):
    """The tensors of a file, in f32, and its metadata."""
    kinds = {'F16': torch.float16, 'F32': torch.float32, 'I32': torch.int32, 'I64': torch.int64}
    with open(path, 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        data = bytearray(file.read())
    metadata = header.pop('__metadata__', {})
    tensors = {}
    for name, entry in header.items():
        start, end = entry['data_offsets']
        dtype = kinds[entry['dtype']]
        count = (end - start) // torch.tensor([], dtype=dtype).element_size()
        flat = torch.frombuffer(data, dtype=dtype, count=count, offset=start)
        tensors[name] = flat.reshape(entry['shape'])
    for name, shape in json.loads(metadata.get('sparse_shape', '{}')).items():
        rows = tensors.pop(name + '.rows').long()
        tensors[name] = torch.zeros(shape).index_copy(0, rows, tensors[name].float())
    return {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}, metadata


class GuidedUnet(nn.Module):
    """One evaluation with guidance: the conditional and the null pass as one batch."""
    def __init__(self, unet, scale):
        super().__init__()
        self.unet, self.scale = unet, scale

    def forward(self, x, time, image_embed, text_encodings):
        twice = lambda t: torch.cat((t, t), dim=0)
        both = self.unet(twice(x), twice(time), image_embed=twice(image_embed), text_encodings=twice(text_encodings))
        given, null = both.chunk(2, dim=0)
        return null + (given - null) * self.scale


class LowresUnet(nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, x, time, image_embed, lowres):
        return self.unet(x, time, image_embed=image_embed, lowres_cond_img=lowres)


class PriorNetwork(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, image_embed, time, text_embed, text_encodings):
        return self.net(image_embed, time, text_embed=text_embed, text_encodings=text_encodings)


class TextEncoder(nn.Module):
    """Embedding and encodings of a text, as the reference's adapter for OpenAI's CLIP takes them."""
    def __init__(self, clip):
        super().__init__()
        self.clip = clip

    def forward(self, tokens):
        x = self.clip.token_embedding(tokens) + self.clip.positional_embedding
        x = self.clip.transformer(x.permute(1, 0, 2)).permute(1, 0, 2)
        x = self.clip.ln_final(x)
        at = tokens.argmax(dim=-1)
        return x[torch.arange(x.shape[0]), at] @ self.clip.text_projection, x


def fill(module, state, prefix=''):
    own = {key[len(prefix):]: value for key, value in state.items() if key.startswith(prefix)}
    result = module.load_state_dict(own, strict=False)
    missing = [key for key in result.missing_keys if not key.endswith(('dummy', 'cached_freqs', 'cached_scales'))]
    unexpected = [key for key in result.unexpected_keys if key not in ('context_length', 'vocab_size', 'input_resolution')]
    assert not missing and not unexpected, (missing, unexpected)
    return module.eval()


def export(out, name, module, inputs):
    """Writes the graph, and the example: `inputs` by name, with the outputs of torch."""
    with torch.no_grad(), torch.profiler.profile(with_flops=True) as profile:
        result = module(*inputs.values())
    flops = sum(event.flops for event in profile.events())
    result = result if isinstance(result, tuple) else (result,)
    outputs = [f'out{i}' for i in range(len(result))]
    path = os.path.join(out, f'{name}.onnx')
    torch.onnx.export(module, tuple(inputs.values()), path, opset_version=17, input_names=list(inputs), output_names=outputs,
                      do_constant_folding=True)
    plain = lambda t: {'shape': list(t.shape), 'type': str(t.dtype).split('.')[-1],
                       'base64': base64.b64encode(t.contiguous().numpy().tobytes()).decode()}
    named = lambda tensors: {key: plain(value) for key, value in tensors}
    with open(os.path.join(out, f'{name}.json'), 'w') as file:
        json.dump({'flops': flops, 'inputs': named(inputs.items()), 'outputs': named(zip(outputs, result))}, file)
    print(f'{path}: {os.path.getsize(path) // 1024} KiB, {flops / 1e6:.0f} MFLOP', flush=True)


def unets_of(dalle2, state, config):
    unets = []
    for i, unet in enumerate(config['unets']):
        takes_image = f'unets.{i}.image_to_tokens.0.weight' in state
        options = {**unet, 'lowres_cond': i > 0, 'cond_on_image_embeds': takes_image}
        unets.append(fill(dalle2.Unet(**options), state, f'unets.{i}.'))
    return unets


def export_decoder(dalle2, shapes, out, text_encodings, image_embed):
    state, metadata = read_safetensors(os.path.join(shapes, 'decoder.safetensors'))
    first, second = unets_of(dalle2, state, json.loads(metadata['config'])['decoder'])
    # Which samples of a batch keep their condition. The others get the null embedding in its place.
    kept = {'mask': None}
    dalle2.prob_mask_like = lambda shape, prob, device: torch.ones(shape, dtype=torch.bool) if kept['mask'] is None else kept['mask']
    kept['mask'] = torch.tensor([True, False])
    export(out, 'unet1', GuidedUnet(first, 2.).eval(), {
        'x': torch.randn(1, 3, 32, 32), 'time': torch.tensor([500.]), 'image_embed': image_embed, 'text_encodings': text_encodings})
    kept['mask'] = None
    export(out, 'unet2', LowresUnet(second).eval(), {
        'x': torch.randn(1, 3, 64, 64), 'time': torch.tensor([500.]), 'image_embed': image_embed,
        'lowres': torch.rand(1, 3, 64, 64) * 2 - 1})


def export_prior(dalle2, shapes, out, text_encodings):
    state, metadata = read_safetensors(os.path.join(shapes, 'prior.safetensors'))
    net = fill(dalle2.DiffusionPriorNetwork(**json.loads(metadata['config'])['prior']['net']), state, 'net.')
    text_embed = nn.functional.normalize(torch.randn(1, 128), dim=-1)
    export(out, 'prior', PriorNetwork(net).eval(), {
        'image_embed': torch.randn(1, 128), 'time': torch.tensor([500]), 'text_embed': text_embed, 'text_encodings': text_encodings})


def export_text_encoder(clip, shapes, out):
    state, _ = read_safetensors(os.path.join(shapes, 'clip.safetensors'))
    size = dict(embed_dim=128, image_resolution=64, vision_layers=4, vision_width=128, vision_patch_size=16, context_length=32,
                vocab_size=49408, transformer_width=128, transformer_heads=2, transformer_layers=4)
    model = fill(clip.CLIP(**size).float(), state)
    used = (state['token_embedding.weight'].abs().sum(-1) > 0).nonzero()[:, 0].tolist()
    row = [49406] + [token for token in used if token < 49406][:6] + [49407] + [0] * 24
    export(out, 'clip_text', TextEncoder(model).eval(), {'tokens': torch.tensor([row], dtype=torch.int32)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('reference')
    parser.add_argument('out')
    parser.add_argument('--shapes', default=SHAPES)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.manual_seed(7)
    dalle2, clip = import_reference(args.reference)
    text_encodings = torch.randn(1, 32, 128)
    image_embed = nn.functional.normalize(torch.randn(1, 128), dim=-1)
    export_decoder(dalle2, args.shapes, args.out, text_encodings, image_embed)
    export_prior(dalle2, args.shapes, args.out, text_encodings)
    export_text_encoder(clip, args.shapes, args.out)


if __name__ == '__main__':
    main()
