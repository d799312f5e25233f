"""Golden fixtures of U-Nets and decoders that the sets of make_dialect_fixtures.py leave out: further versions, layouts and samplers.

    DALLE2_REPO=<clone of lucidrains/DALLE2-pytorch> DALLE2_SITE=<folders of packages, ':' between> \
        python make_decoder_fixtures.py OUT [--only PREFIX]

As in make_dialect_fixtures.py each case runs the unchanged source of its version, from the last commit that bore it. Models are made by their
constructors, not by train_configs. A case without in.mask was run without one.
"""
import argparse

import torch
from torch import nn

import make_dialect_fixtures as dialects
from make_prior_fixtures import commits

BATCH = 2
UNET = dict(dim=6, dim_mults=[1, 2], image_embed_dim=32, cond_dim=4, num_image_tokens=2, num_time_tokens=1, attn_dim_head=8, attn_heads=2, max_text_len=12,
            resnet_groups=2, num_resnet_blocks=1)
TEXT = dict(text_embed_dim=32, cond_on_text_encodings=True)
FIRST, UPSAMPLER = dict(channels_out=6, cond_on_image_embeds=True), dict(lowres_cond=True, memory_efficient=True, attend_at_middle=False)

# name: options, whether with a mask
UNETS = {
    '0.5.0-unet-single': (dict(FIRST, **TEXT, sparse_attn=True), True),
    '0.5.1-unet-init-dim': (dict(FIRST, init_dim=4, attend_at_middle=False), False),
    '0.5.3-unet-crossembed': (dict(FIRST, cross_embed_downsample=True), False),
    '0.5.5-unet-blocks': (dict(FIRST, num_resnet_blocks=[1, 2]), False),
    '0.6.16-unet-unnulled': (dict(FIRST, **TEXT), False),
    '0.7.1-unet-nulled': (dict(FIRST, sparse_attn=True), False),
    '0.8.0-unet-downsample-first': (dict(FIRST, dim_mults=[1, 2, 3]), False),
    '0.8.1-unet-memory-efficient': (dict(FIRST, memory_efficient=True), False),
    '0.8.1-unet-plain': (FIRST, False),
    '0.9.1-unet-all-ups': (FIRST, False),
    '0.12.4-unet-skip-scale': (dict(UPSAMPLER, scale_skip_connection=True), False),
    '0.14.1-unet-per-block': (dict(FIRST, **TEXT, sparse_attn=True), True),
    '0.14.1-unet-upsampler': (UPSAMPLER, False),
    '0.15.2-unet-nearest': (dict(FIRST, nearest_upsample=True, final_conv_kernel_size=3), False),
    '0.20.1-unet-no-mask': (dict(FIRST, **TEXT, self_attn=[False, True]), False),
    '1.2.2-unet-linear': (dict(FIRST, sparse_attn=True), False),
    '1.4.2-unet-linear': (dict(FIRST, sparse_attn=True), False),
    '1.8.4-unet-self': (dict(FIRST, self_attn=[False, True]), False),
    '1.10.0-unet-upsampler': (UPSAMPLER, False),
}
DDIM = dict(timesteps=60, sample_timesteps=[4, 3])
EPSILON_FROM_X0 = dict(DDIM, predict_x_start=True, learned_variance=False)
# name: options of the decoder, whether to inpaint, to pass a mask of the text
SAMPLES = {
    '0.9.2-decoder-ddpm': (dict(timesteps=24, beta_schedule='cosine'), False, True),
    '0.19.3-decoder-ddim': (DDIM, False, True),
    '0.20.1-decoder-no-mask': (dict(DDIM, use_dynamic_thres=True), False, False),
    '0.25.1-decoder-x0': (EPSILON_FROM_X0, False, False),
    '0.26.0-decoder-inpaint': (DDIM, True, False),
    '1.11.1-decoder-v': (dict(DDIM, predict_v=True), False, False),
    '1.12.2-decoder-x0': (EPSILON_FROM_X0, False, False),
}


def unet_case(k, m, name, version, commit, options, with_mask):
    g = torch.Generator().manual_seed(k.seed)
    args = dialects.only_known(m.Unet, **{**UNET, **options})
    unet = dialects.lively(m.Unet(**args), k.seed + 1)
    io = {'in.x': torch.randn(BATCH, 3, 8, 8, generator=g), 'in.time': torch.tensor([2, 811]), 'in.image_embed': torch.randn(BATCH, 32, generator=g)}
    call = dict(image_embed=io['in.image_embed'])
    if args.get('cond_on_text_encodings'):
        encodings, mask = dialects.text_inputs(g, 1, keep=4)
        call['text_encodings'] = io['in.text_encodings'] = encodings
        if with_mask:
            call['text_mask'] = io['in.mask'] = mask
    if args.get('lowres_cond'):
        call['lowres_cond_img'] = io['in.lowres_cond_img'] = torch.randn(BATCH, 3, 8, 8, generator=g)
    with torch.no_grad():
        io['out.pred'] = unet(io['in.x'], io['in.time'], **call)
        io['out.pred_cond_scale_3'] = unet.forward_with_cond_scale(io['in.x'], io['in.time'], cond_scale=3., **call)
    k.write(name, 'unet', {'version': version, 'commit': commit, 'layout': 'bare state dict of the U-Net', 'unet': args}, io, unet.state_dict())


def sample_case(k, m, name, version, commit, options, inpaint, with_mask):
    g = torch.Generator().manual_seed(k.seed)
    # Not as the decoder wants them, so that it casts them: some versions fail where there is nothing to cast.
    unets = [{**UNET, **TEXT, 'sparse_attn': True}, {**UNET, 'memory_efficient': True}]
    args = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    if dialects.takes(m.Decoder.__init__, 'condition_on_text_encodings'):
        args['condition_on_text_encodings'] = True
    decoder = m.Decoder(tuple(m.Unet(**dialects.only_known(m.Unet, **unet)) for unet in unets), image_sizes=(8, 16), **args).eval()
    dialects.lively(decoder.unets, k.seed + 1)
    if not options.get('predict_x_start'):
        dialects.calm(decoder.unets)        # a predicted x0 may leave [-1, 1], for its clamp to show
    state = decoder.state_dict()
    embed = nn.functional.normalize(torch.randn(BATCH, 32, generator=g), dim=-1)
    encodings, mask = dialects.text_inputs(g, 1, keep=4)
    io = {'in.image_embed': embed, 'in.text_encodings': encodings}
    call = {'cond_scale': 1.7}
    inputs = dict(image_embed=embed, text_encodings=encodings)
    if with_mask:
        inputs['text_mask'] = io['in.mask'] = mask
    if inpaint:
        known = torch.zeros(BATCH, 12, 12, dtype=torch.bool)
        known[:, :, :5] = True
        inputs['inpaint_image'] = io['in.inpaint_image'] = torch.rand(BATCH, 3, 12, 12, generator=g)
        inputs['inpaint_mask'] = io['in.inpaint_mask'] = known
    torch.manual_seed(k.seed)
    with torch.no_grad():
        io['out.images'] = decoder.sample(**inputs, **call)
    info = {'version': version, 'commit': commit, 'layout': 'bare state dict', 'torch_seed': k.seed, 'call': call}
    k.write(name, 'decoder-sample', info, io, state, {'decoder': {'unets': unets, 'image_sizes': [8, 16], **options}})


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('out')
    p.add_argument('--seed', type=int, default=3000)
    p.add_argument('--only', default='', help='only cases whose name starts so')
    a = p.parse_args()
    k = dialects.Maker(a.out, a.seed, a.only)
    table = commits()
    for make, cases in ((unet_case, UNETS), (sample_case, SAMPLES)):
        for case, options in cases.items():
            version, name = case.split('-')[0], 'dialect-' + case
            if k.wanted(name):
                make(k, dialects.load(table[version]), name, version, table[version], *options)
    print(f'{len(k.sizes)} cases')


if __name__ == '__main__':
    main()
