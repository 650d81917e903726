"""What ffmpeg may take a file for: formats that hold sound, and none that names other files or addresses."""

__all__ = ["ALLOWED_DEMUXERS", "refused_demuxer"]

_SOUND = """
aa ac3 ac4 act adp adx aea aac aiff amr amrnb amrwb ape aptx aptx_hd au avr bit caf codec2 daud dsf dss dts dtshd eac3
epaf flac g722 g723_1 g729 gsm hcom iff ilbc ircam lc3 loas mlp mmf mp3 mpc mpc8 nistsphere ogg oma osq paf pvf qcp
rso sbc sds sdx shn siff sln sox spdif tak truehd tta voc vqf w64 wav wsd wv wve xwma
"""
_FILMS = """
asf asf_o avi dhav dv dxa flv gxf kux live_flv lvf matroska mov mpeg mpegts mxf nsv nut nuv pva rm swf ty vivo wtv
"""

ALLOWED_DEMUXERS = tuple((_SOUND + _FILMS).split())
"""Names that ffmpeg has for formats of recordings.

Left out is what opens other files or the network (hls, dash, concat, sdp, rtsp, imf, image2, mlv, vobsub,
webm_dash_manifest, avisynth, vapoursynth). So is what plays notes (libgme, libopenmpt), and what has no sound:
pictures, subtitles, bare video. For MOV, ffmpeg opens other files only with its option `enable_drefs`.
"""

_REFUSAL = "Format not on whitelist"


def refused_demuxer(line: str) -> str | None:
    """Return the name of the format that ffmpeg found and was not allowed to open, by a line of its log."""
    if _REFUSAL not in line or not line.startswith("["):
        return None
    return line[1:].split(" @ ", 1)[0]
