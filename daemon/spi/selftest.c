/* SPDX-License-Identifier: MIT */
#include "daemon/spi/selftest.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/core/mech.h"
#include "daemon/spi/known-rsa.h"
#include "daemon/spi/run.h"
#include "lib/shared/mech-table.h"

#define HEX_MAX 1200 /* bytes: a secret key of RSA */

/* One known answer; hexadecimal.  out is what the operation produces; for
 * verifying operations it is the tag or signature to accept.  SIGN without one:
 * the signature is random; ENCRYPT: so is the ciphertext, and key is the secret
 * one. */
struct known {
	uint32_t mech;
	uint32_t op;
	const char *key, *param, *aux, *in, *out;
};

static const struct known table[] = {
	/* FIPS 180-4 examples: "abc" */
	{ UKCF_MECH_SHA2_256, UKCF_OP_DIGEST, "", "", "", "616263",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ UKCF_MECH_SHA2_512, UKCF_OP_DIGEST, "", "", "", "616263",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	/* FIPS 180-4 examples: "abc" */
	{ UKCF_MECH_SHA1, UKCF_OP_DIGEST,
	  "", "", "",
	  "616263",
	  "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ UKCF_MECH_SHA2_224, UKCF_OP_DIGEST,
	  "", "", "",
	  "616263",
	  "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
	{ UKCF_MECH_SHA2_384, UKCF_OP_DIGEST,
	  "", "", "",
	  "616263",
	  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
	  "8086072ba1e7cc2358baeca134c825a7" },
	{ UKCF_MECH_SHA2_512_256, UKCF_OP_DIGEST,
	  "", "", "",
	  "616263",
	  "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23" },
	/* NIST CAVP SHA3_*ShortMsg.rsp, messages of 40 bits */
	{ UKCF_MECH_SHA3_224, UKCF_OP_DIGEST,
	  "", "", "",
	  "91c71068f8",
	  "989f017709f50bd0230623c417f3daf194507f7b90a11127ba1638fa" },
	{ UKCF_MECH_SHA3_256, UKCF_OP_DIGEST,
	  "", "", "",
	  "0296f2c40a",
	  "53a018937221081d09ed0497377e32a1fa724025dfdc1871fa503d545df4b40d" },
	{ UKCF_MECH_SHA3_384, UKCF_OP_DIGEST,
	  "", "", "",
	  "4d7fc6cae6",
	  "e570d463a010c71b78acd7f9790c78ce946e00cc54dae82bfc3833a10f0d8d35"
	  "b03cbb4aa2f9ba4b27498807a397cd47" },
	{ UKCF_MECH_SHA3_512, UKCF_OP_DIGEST,
	  "", "", "",
	  "4775c86b1c",
	  "ce96da8bcd6bc9d81419f0dd3308e3ef541bc7b030eee1339cf8b3c4e8420cd3"
	  "03180f8da77037c8c1ae375cab81ee475710923b9519adbddedb36db0c199f70" },
	/* RFC 4231 section 4.3, test case 2: key "Jefe" */
	{ UKCF_MECH_HMAC_SHA2_256, UKCF_OP_MAC, "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ UKCF_MECH_HMAC_SHA2_256, UKCF_OP_MAC_VERIFY, "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	/* RFC 2202 section 3 and RFC 4231 section 4.3, test case 2 */
	{ UKCF_MECH_HMAC_SHA1, UKCF_OP_MAC,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ UKCF_MECH_HMAC_SHA1, UKCF_OP_MAC_VERIFY,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ UKCF_MECH_HMAC_SHA2_224, UKCF_OP_MAC,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44" },
	{ UKCF_MECH_HMAC_SHA2_224, UKCF_OP_MAC_VERIFY,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44" },
	{ UKCF_MECH_HMAC_SHA2_384, UKCF_OP_MAC,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
	  "8e2240ca5e69e2c78b3239ecfab21649" },
	{ UKCF_MECH_HMAC_SHA2_384, UKCF_OP_MAC_VERIFY,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
	  "8e2240ca5e69e2c78b3239ecfab21649" },
	{ UKCF_MECH_HMAC_SHA2_512, UKCF_OP_MAC,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
	  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	{ UKCF_MECH_HMAC_SHA2_512, UKCF_OP_MAC_VERIFY,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
	  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	/* SP 800-38B appendix D, Mlen = 320 */
	{ UKCF_MECH_AES_128_CMAC, UKCF_OP_MAC,
	  "2b7e151628aed2a6abf7158809cf4f3c", "", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411",
	  "dfa66747de9ae63030ca32611497c827" },
	{ UKCF_MECH_AES_128_CMAC, UKCF_OP_MAC_VERIFY,
	  "2b7e151628aed2a6abf7158809cf4f3c", "", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411",
	  "dfa66747de9ae63030ca32611497c827" },
	{ UKCF_MECH_AES_192_CMAC, UKCF_OP_MAC,
	  "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411",
	  "8a1de5be2eb31aad089a82e6ee908b0e" },
	{ UKCF_MECH_AES_192_CMAC, UKCF_OP_MAC_VERIFY,
	  "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411",
	  "8a1de5be2eb31aad089a82e6ee908b0e" },
	{ UKCF_MECH_AES_256_CMAC, UKCF_OP_MAC,
	  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411",
	  "aaf3d8f1de5640c232f5b169b9c911e6" },
	{ UKCF_MECH_AES_256_CMAC, UKCF_OP_MAC_VERIFY,
	  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411",
	  "aaf3d8f1de5640c232f5b169b9c911e6" },
	/* McGrew and Viega, The Galois/Counter Mode, test cases 4 and 10 */
	{ UKCF_MECH_AES_128_GCM, UKCF_OP_ENCRYPT,
	  "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	  "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc"
	  "3221a5db94fae95ae7121a47" },
	{ UKCF_MECH_AES_192_GCM, UKCF_OP_ENCRYPT,
	  "feffe9928665731c6d6a8f9467308308feffe9928665731c", "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
	  "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda27102519498e"
	  "80f1478f37ba55bd6d27618c" },
	/* McGrew and Viega, The Galois/Counter Mode, test case 16 */
	{ UKCF_MECH_AES_256_GCM, UKCF_OP_ENCRYPT,
	  "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
	  "cafebabefacedbaddecaf888",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
	/* RFC 8439 section 2.8.2 */
	{ UKCF_MECH_CHACHA20_POLY1305, UKCF_OP_ENCRYPT,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
	  "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
	  "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	  "637265656e20776f756c642062652069742e",
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	  "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	  "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	  "3ff4def08e4b7a9de576d26586cec64b6116"
	  "1ae10b594f09e26a7e902ecbd0600691" },
	/* SP 800-38A appendix F.2: CBC */
	{ UKCF_MECH_AES_128_CBC, UKCF_OP_ENCRYPT,
	  "2b7e151628aed2a6abf7158809cf4f3c", "000102030405060708090a0b0c0d0e0f", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
	  "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7" },
	{ UKCF_MECH_AES_192_CBC, UKCF_OP_ENCRYPT,
	  "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "000102030405060708090a0b0c0d0e0f", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
	  "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd" },
	{ UKCF_MECH_AES_256_CBC, UKCF_OP_ENCRYPT,
	  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "000102030405060708090a0b0c0d0e0f", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
	  "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
	/* The first 32 bytes of these, and the block of padding that RFC 5652
	 * section 6.3 puts behind whole blocks, enciphered with openssl(1) */
	{ UKCF_MECH_AES_128_CBC_PAD, UKCF_OP_ENCRYPT,
	  "2b7e151628aed2a6abf7158809cf4f3c", "000102030405060708090a0b0c0d0e0f", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
	  "55e21d7100b988ffec32feeafaf23538" },
	{ UKCF_MECH_AES_192_CBC_PAD, UKCF_OP_ENCRYPT,
	  "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "000102030405060708090a0b0c0d0e0f", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
	  "c81ca99c3a1e883fa8d834316a2275ec" },
	{ UKCF_MECH_AES_256_CBC_PAD, UKCF_OP_ENCRYPT,
	  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "000102030405060708090a0b0c0d0e0f", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
	  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
	  "3a3aa5e0213db1a9901f9036cf5102d2" },
	/* SP 800-38A appendix F.5: CTR */
	{ UKCF_MECH_AES_128_CTR, UKCF_OP_ENCRYPT,
	  "2b7e151628aed2a6abf7158809cf4f3c", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
	  "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee" },
	{ UKCF_MECH_AES_192_CTR, UKCF_OP_ENCRYPT,
	  "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
	  "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050" },
	{ UKCF_MECH_AES_256_CTR, UKCF_OP_ENCRYPT,
	  "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
	  "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6" },
	/* NIST CAVP XTSGenAES128.rsp, a data unit of 200 bits: the last block
	 * steals ciphertext; XTSGenAES256.rsp, one of 384 bits */
	{ UKCF_MECH_AES_128_XTS, UKCF_OP_ENCRYPT,
	  "394c97881abd989d29c703e48a72b397a7acf51b59649eeea9b33274d8541df4", "4b15c684a152d485fe9937d39b168c29", "",
	  "2f3b9dcfbae729583b1d1ffdd16bb6fe2757329435662a78f0",
	  "f3473802e38a3ffef4d4fb8e6aa266ebde553a64528a06463e" },
	{ UKCF_MECH_AES_256_XTS, UKCF_OP_ENCRYPT,
	  "266c336b3b01489f3267f52835fd92f674374b88b4e1ebd2d36a5f457581d9d0"
	  "42c3eef7b0b7e5137b086496b4d9e6ac658d7196a23f23f036172fdb8faee527", "06b209a7a22f486ecbfadb0f3137ba42", "",
	  "ca7d65ef8d3dfad345b61ccddca1ad81de830b9e86c7b426d76cb7db766852d9"
	  "81c6b21409399d78f42cc0b33a7bbb06",
	  "c73256870cc2f4dd57acc74b5456dbd776912a128bc1f77d72cdebbf270044b7"
	  "a43ceed29025e1e8be211fa3c3ed002d" },
	/* RFC 3394 sections 4.1, 4.2, 4.3 and 4.6 */
	{ UKCF_MECH_AES_128_KW, UKCF_OP_ENCRYPT,
	  "000102030405060708090a0b0c0d0e0f", "", "",
	  "00112233445566778899aabbccddeeff",
	  "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5" },
	{ UKCF_MECH_AES_192_KW, UKCF_OP_ENCRYPT,
	  "000102030405060708090a0b0c0d0e0f1011121314151617", "", "",
	  "00112233445566778899aabbccddeeff",
	  "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d" },
	{ UKCF_MECH_AES_256_KW, UKCF_OP_ENCRYPT,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "", "",
	  "00112233445566778899aabbccddeeff",
	  "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7" },
	{ UKCF_MECH_AES_256_KW, UKCF_OP_ENCRYPT,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "", "",
	  "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
	  "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43b"
	  "fb988b9b7a02dd21" },
	/* RFC 8032 section 7.1, test 2 */
	{ UKCF_MECH_ED25519, UKCF_OP_SIGN,
	  "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "", "", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ UKCF_MECH_ED25519, UKCF_OP_VERIFY,
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
	  "", "", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ UKCF_MECH_ED25519, UKCF_OP_KEY_PUBLIC,
	  "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "", "", "",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c" },
	/* Signatures of PSS are random: what is signed has to verify. */
	{ UKCF_MECH_RSA_PKCS1_SHA2_256, UKCF_OP_VERIFY, rsa_nist_public, "", "",
	  rsa_nist_sha256_message, rsa_nist_sha256_signature },
	{ UKCF_MECH_RSA_PKCS1_SHA2_384, UKCF_OP_VERIFY, rsa_nist_public, "", "",
	  rsa_nist_sha384_message, rsa_nist_sha384_signature },
	{ UKCF_MECH_RSA_PKCS1_SHA2_384, UKCF_OP_SIGN, rsa_secret, "", "", "72",
	  "" },
	{ UKCF_MECH_RSA_PKCS1_SHA2_512, UKCF_OP_VERIFY, rsa_nist_public, "", "",
	  rsa_nist_sha512_message, rsa_nist_sha512_signature },
	{ UKCF_MECH_RSA_PKCS1_SHA2_512, UKCF_OP_SIGN, rsa_secret, "", "", "72",
	  "" },
	{ UKCF_MECH_RSA_PKCS1_SHA2_256, UKCF_OP_SIGN, rsa_secret, "", "",
	  rsa_rs256_message, rsa_rs256_signature },
	{ UKCF_MECH_RSA_PKCS1_SHA2_256, UKCF_OP_KEY_PUBLIC, rsa_secret, "", "",
	  "", rsa_public },
	{ UKCF_MECH_RSA_PSS_SHA2_384, UKCF_OP_VERIFY, rsa_public, "", "",
	  rsa_ps384_message, rsa_ps384_signature },
	{ UKCF_MECH_RSA_PSS_SHA2_256, UKCF_OP_SIGN, rsa_secret, "", "", "72",
	  "" },
	{ UKCF_MECH_RSA_PSS_SHA2_384, UKCF_OP_SIGN, rsa_secret, "", "", "72",
	  "" },
	{ UKCF_MECH_RSA_PSS_SHA2_512, UKCF_OP_SIGN, rsa_secret, "", "", "72",
	  "" },
	{ UKCF_MECH_RSA_PKCS1, UKCF_OP_DECRYPT, rsa_secret, "", "", rsa_v15,
	  rsa_plain },
	{ UKCF_MECH_RSA_PKCS1, UKCF_OP_DECRYPT, rsa_secret, "", "",
	  rsa_v15_wrong, rsa_v15_substitute },
	{ UKCF_MECH_RSA_PKCS1, UKCF_OP_ENCRYPT, rsa_secret, "", "", rsa_plain,
	  "" },
	{ UKCF_MECH_RSA_OAEP_SHA1, UKCF_OP_DECRYPT, rsa_secret, "", rsa_label,
	  rsa_oaep_sha1, rsa_plain },
	{ UKCF_MECH_RSA_OAEP_SHA1, UKCF_OP_ENCRYPT, rsa_secret, "", rsa_label,
	  rsa_plain, "" },
	{ UKCF_MECH_RSA_OAEP_SHA2_256, UKCF_OP_DECRYPT, rsa_secret, "",
	  rsa_label, rsa_oaep_sha256, rsa_plain },
	{ UKCF_MECH_RSA_OAEP_SHA2_256, UKCF_OP_ENCRYPT, rsa_secret, "",
	  rsa_label, rsa_plain, "" },
	/* by the description of sealed boxes, with Python */
	{ UKCF_MECH_X25519_SEALED_BOX, UKCF_OP_KEY_PUBLIC,
	  "66859b7ade4e68cb65041b88a7ad5214df71cdcfa27dff2efcc80a81e9ba5fa0",
	  "", "", "",
	  "543b998287234c49018b342132deb44eb97af492494b4656bd4ba4d95aaf600c" },
	{ UKCF_MECH_X25519_SEALED_BOX, UKCF_OP_DECRYPT,
	  "66859b7ade4e68cb65041b88a7ad5214df71cdcfa27dff2efcc80a81e9ba5fa0",
	  "", "",
	  "883f9ba2f0a25f2a2cf2d0fafcf7413ada27129dc3698810d9d3de744726d330"
	  "84d87d8b0ec4f89756aaa2ac51a35feca0ed14c927167de37326",
	  "7365616c656420626f78" },
	{ UKCF_MECH_X25519_SEALED_BOX, UKCF_OP_ENCRYPT,
	  "66859b7ade4e68cb65041b88a7ad5214df71cdcfa27dff2efcc80a81e9ba5fa0",
	  "", "", "7365616c656420626f78", "" },
	/* RFC 6979 appendices A.2.5 and A.2.6, "sample"; a signature is a random
	 * one: it has to verify */
	{ UKCF_MECH_ECDSA_P256, UKCF_OP_VERIFY,
	  "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29f"
	  "b67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d44622"
	  "99", "", "",
	  "73616d706c65",
	  "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	  "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8" },
	{ UKCF_MECH_ECDSA_P256, UKCF_OP_SIGN,
	  "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", "", "",
	  "73616d706c65",
	  "" },
	{ UKCF_MECH_ECDSA_P256, UKCF_OP_KEY_PUBLIC,
	  "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", "", "",
	  "",
	  "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29f"
	  "b67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d44622"
	  "99" },
	{ UKCF_MECH_ECDSA_P384, UKCF_OP_VERIFY,
	  "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c"
	  "64def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621"
	  "896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25332647"
	  "20", "", "",
	  "73616d706c65",
	  "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
	  "81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f"
	  "130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8" },
	{ UKCF_MECH_ECDSA_P384, UKCF_OP_SIGN,
	  "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
	  "96d5724e4c70a825f872c9ea60d2edf5", "", "",
	  "73616d706c65",
	  "" },
	{ UKCF_MECH_ECDSA_P384, UKCF_OP_KEY_PUBLIC,
	  "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
	  "96d5724e4c70a825f872c9ea60d2edf5", "", "",
	  "",
	  "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c"
	  "64def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621"
	  "896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25332647"
	  "20" },
	/* RFC 5903 sections 8.1 and 8.2 */
	{ UKCF_MECH_ECDH_P256, UKCF_OP_DERIVE,
	  "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433", "", "",
	  "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf"
	  "6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872"
	  "ab",
	  "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de" },
	{ UKCF_MECH_ECDH_P256, UKCF_OP_KEY_PUBLIC,
	  "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53", "", "",
	  "",
	  "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf"
	  "6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872"
	  "ab" },
	{ UKCF_MECH_ECDH_P384, UKCF_OP_DERIVE,
	  "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
	  "e35b538041e649ee3faef896783ab194", "", "",
	  "04e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc50"
	  "9d0d1ac43a0336def96fda41d0774a3571dcfbec7aacf3196472169e83843036"
	  "7f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e638"
	  "6c",
	  "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
	  "d603135569b9e9d09cf5d4a270f59746" },
	{ UKCF_MECH_ECDH_P384, UKCF_OP_KEY_PUBLIC,
	  "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
	  "e0308312916b8ed2960e4bd55a7448fc", "", "",
	  "",
	  "04e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc50"
	  "9d0d1ac43a0336def96fda41d0774a3571dcfbec7aacf3196472169e83843036"
	  "7f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e638"
	  "6c" },
	/* RFC 5869 appendix A.1; in is the salt, aux the info */
	{ UKCF_MECH_HKDF_SHA2_256, UKCF_OP_DERIVE,
	  "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "",
	  "f0f1f2f3f4f5f6f7f8f9", "000102030405060708090a0b0c",
	  "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	  "34007208d5b887185865" },
	/* the same, made with Python's hmac module by the formulas of section
	 * 2: appendix A has no SHA-2 but SHA-256 */
	{ UKCF_MECH_HKDF_SHA2_384, UKCF_OP_DERIVE,
	  "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "",
	  "f0f1f2f3f4f5f6f7f8f9", "000102030405060708090a0b0c",
	  "9b5097a86038b805309076a44b3a9f38063e25b516dcbf369f394cfab43685f7"
	  "48b6457763e4f0204fc5" },
	{ UKCF_MECH_HKDF_SHA2_512, UKCF_OP_DERIVE,
	  "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "",
	  "f0f1f2f3f4f5f6f7f8f9", "000102030405060708090a0b0c",
	  "832390086cda71fb47625bb5ceb168e4c8e26a1a16ed34d9fc7fe92c14815793"
	  "38da362cb8d9f925d7cb" },
	/* RFC 7748 section 6.1 */
	{ UKCF_MECH_X25519, UKCF_OP_DERIVE,
	  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "", "",
	  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
	  "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
	{ UKCF_MECH_X25519, UKCF_OP_KEY_PUBLIC,
	  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "", "", "",
	  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" },
	/* RFC 7693 appendix A; of 32 bytes, with Python's hashlib */
	{ UKCF_MECH_BLAKE2B, UKCF_OP_DIGEST,
	  "", "", "",
	  "616263",
	  "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
	  "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923" },
	{ UKCF_MECH_BLAKE2B, UKCF_OP_DIGEST,
	  "", "", "",
	  "616263",
	  "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319" },
	/* RFC 4231 section 4.3, the first half */
	{ UKCF_MECH_HMAC_SHA2_512_TRUNC_256, UKCF_OP_MAC,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" },
	{ UKCF_MECH_HMAC_SHA2_512_TRUNC_256, UKCF_OP_MAC_VERIFY,
	  "4a656665", "", "",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" },
	/* blake2b-kat.txt of the reference; 32 bytes, with Python's hashlib */
	{ UKCF_MECH_BLAKE2B_MAC, UKCF_OP_MAC,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f", "", "",
	  "",
	  "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786"
	  "b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568" },
	{ UKCF_MECH_BLAKE2B_MAC, UKCF_OP_MAC_VERIFY,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f", "", "",
	  "",
	  "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786"
	  "b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568" },
	{ UKCF_MECH_BLAKE2B_MAC, UKCF_OP_MAC,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "", "",
	  "616263",
	  "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f" },
	{ UKCF_MECH_BLAKE2B_MAC, UKCF_OP_MAC_VERIFY,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "", "",
	  "616263",
	  "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f" },
	/* RFC 8439 section 2.5.2 */
	{ UKCF_MECH_POLY1305, UKCF_OP_MAC,
	  "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b", "", "",
	  "43727970746f6772617068696320466f72756d2052657365617263682047726f"
	  "7570",
	  "a8061dc1305136c6c22b8baf0c0127a9" },
	{ UKCF_MECH_POLY1305, UKCF_OP_MAC_VERIFY,
	  "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b", "", "",
	  "43727970746f6772617068696320466f72756d2052657365617263682047726f"
	  "7570",
	  "a8061dc1305136c6c22b8baf0c0127a9" },
	/* Aumasson and Bernstein, SipHash (2012), appendix A */
	{ UKCF_MECH_SIPHASH_2_4, UKCF_OP_MAC,
	  "000102030405060708090a0b0c0d0e0f", "", "",
	  "000102030405060708090a0b0c0d0e",
	  "e545be4961ca29a1" },
	{ UKCF_MECH_SIPHASH_2_4, UKCF_OP_MAC_VERIFY,
	  "000102030405060708090a0b0c0d0e0f", "", "",
	  "000102030405060708090a0b0c0d0e",
	  "e545be4961ca29a1" },
	/* draft-irtf-cfrg-xchacha-03 appendix A.3.1 */
	{ UKCF_MECH_XCHACHA20_POLY1305, UKCF_OP_ENCRYPT,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "404142434445464748494a4b4c4d4e4f5051525354555657", "50515253c0c1c2c3c4c5c6c7",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
	  "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
	  "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	  "637265656e20776f756c642062652069742e",
	  "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
	  "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
	  "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
	  "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780a"
	  "cf49" },
	/* Bernstein, Cryptography in NaCl, section 10; the tag stands behind */
	{ UKCF_MECH_XSALSA20_POLY1305, UKCF_OP_ENCRYPT,
	  "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389", "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37", "",
	  "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc"
	  "e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31"
	  "0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde"
	  "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864"
	  "5e0705",
	  "8e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a"
	  "c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738"
	  "b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da"
	  "99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74"
	  "e355a5f3ffc7703f9400e52a7dfb4b3d3305d9" },
	/* one last chunk, made in Python from RFC 8439 and HChaCha20 alone */
	{ UKCF_MECH_SECRETSTREAM, UKCF_OP_ENCRYPT,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "404142434445464748494a4b4c4d4e4f5051525354555657", "",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
	  "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
	  "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	  "637265656e20776f756c642062652069742e",
	  "657bcbd3e76df781e7e8873364fd9d1e3c485f5f850ef76a7016423dd7c23db1"
	  "106819a0e40230c0919b01f56974ded5bcb236d11cbe840b3db9cfb1a358c57f"
	  "0bd594850ebd7427cba54e22a2c3db14141ef7e64a5808f9ff85ddcf4e1b1d68"
	  "99bc2388e8f700edd106cd26d4dc98ce4c423bdeab0f02db06b773fc3dd6c653"
	  "bbbfca" },
	/* RFC 8439 appendix A.2, test vector 1 */
	{ UKCF_MECH_CHACHA20, UKCF_OP_ENCRYPT,
	  "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
	  "0000000000000000000000000000000000000000000000000000000000000000"
	  "0000000000000000000000000000000000000000000000000000000000000000",
	  "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
	  "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586" },
	/* made in Python from RFC 8439 and HChaCha20 */
	{ UKCF_MECH_XCHACHA20, UKCF_OP_ENCRYPT,
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "404142434445464748494a4b4c4d4e4f5051525354555657", "",
	  "5468652064686f6c65202870726f6e6f756e6365642022646f6c652229206973"
	  "20616c736f206b6e6f776e2061732074686520417369617469632077696c6420"
	  "646f672c2072656420646f672c20616e",
	  "2f717aa097099ff56c6f473bfdd6139732a20b16ccd293f4b21fe553aad96ea6"
	  "81aa4b4b342059f112ab7c5038a5a85139c400a6107a339dd95b3505803c717a"
	  "956314d87b82913edb7618b4da8efc3b" },
	/* RFC 8032 section 7.3 */
	{ UKCF_MECH_ED25519PH, UKCF_OP_SIGN,
	  "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "", "",
	  "616263",
	  "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
	  "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406" },
	{ UKCF_MECH_ED25519PH, UKCF_OP_VERIFY,
	  "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", "", "",
	  "616263",
	  "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
	  "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406" },
	{ UKCF_MECH_ED25519PH, UKCF_OP_KEY_PUBLIC,
	  "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "", "",
	  "",
	  "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf" },
	/* with Python's hashlib: number as salt, context as person; subkey 1 */
	{ UKCF_MECH_BLAKE2B_KDF, UKCF_OP_DERIVE,
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "", "4b44462074657374",
	  "0100000000000000",
	  "13fea52bb8cba063f3ed93de27ed07e06d8c6367474e6ae4c9282913ac3c3a03" },
	/* with argon2(1): 2 passes over 16 KiB */
	{ UKCF_MECH_ARGON2ID, UKCF_OP_DERIVE,
	  "70617373776f7264", "", "0200000010000000",
	  "736f6d6573616c74534f4d4553414c54",
	  "63248ce41bb67c957c3f19b56b6cc60469827407a1b9e0e7e966b2d1736edfef" },
};

#define N_KNOWN (sizeof(table) / sizeof(table[0]))

struct hex {
	uint8_t data[HEX_MAX];
	size_t len;
};

static unsigned int nibble(char c)
{
	return c <= '9' ? (unsigned int)(c - '0')
			: (unsigned int)(c - 'a' + 10);
}

static void unhex(struct hex *h, const char *s)
{
	for (h->len = 0; s[0] && h->len < HEX_MAX; s += 2)
		h->data[h->len++] =
			(uint8_t)(nibble(s[0]) << 4 | nibble(s[1]));
}

static struct ukcf_bytes bytes(const struct hex *h)
{
	return (struct ukcf_bytes){ h->len ? h->data : NULL, h->len };
}

struct trial {
	struct hex key, param, aux, in, want;
	struct ukcf_job job;
	uint8_t out[HEX_MAX];
};

static size_t tag_len_of(uint32_t mech, size_t made)
{
	switch (UKCF_MECH_CLASS(mech)) {
	case UKCF_CLASS_AEAD:
		return mech_row_by_id(mech)->tag_max;
	case UKCF_CLASS_CIPHER:
	case UKCF_CLASS_PKE:
		return 0;
	default:
		return made;
	}
}

static void prepare(struct trial *t, const struct known *k)
{
	memset(t, 0, sizeof(*t));
	unhex(&t->key, k->key);
	unhex(&t->param, k->param);
	unhex(&t->aux, k->aux);
	unhex(&t->in, k->in);
	unhex(&t->want, k->out);
	t->job = (struct ukcf_job){
		.op = k->op,
		.mech = k->mech,
		.key = bytes(&t->key),
		.in = bytes(&t->in),
		.aux = bytes(&t->aux),
		.param = bytes(&t->param),
		.out = t->out,
		.out_size = UKCF_MECH_CLASS(k->mech) == UKCF_CLASS_KDF ?
				    t->want.len :
				    sizeof(t->out),
		.tag_len = tag_len_of(k->mech, t->want.len),
	};
}

static bool produces(struct ukcf_instance *self, const struct ukcf_offer *o,
		     struct trial *t, const struct hex *want)
{
	ukcf_job_fn fn = mech_entry(o, t->job.op);

	return run_job(self, fn, &t->job) == UKCF_DONE &&
	       t->job.res == (int64_t)want->len &&
	       memcmp(t->out, want->data, want->len) == 0;
}

static bool result_is(struct ukcf_instance *self, const struct ukcf_offer *o,
		      struct trial *t, int64_t res)
{
	ukcf_job_fn fn = mech_entry(o, t->job.op);

	return run_job(self, fn, &t->job) == UKCF_DONE && t->job.res == res;
}

/*
 * What a turned bit of ciphertext must do: a tag or a wrapped key is refused,
 * and so is padding, whose last byte the bit turns; what authenticates nothing
 * decrypts to something else.
 */
static bool notices(struct ukcf_instance *self, const struct ukcf_offer *o,
		    struct trial *t)
{
	const struct mech_row *row = mech_row_by_id(t->job.mech);
	size_t last = t->want.len - 1;

	if (row && row->padding)
		last -= row->padding;
	t->want.data[last] ^= 1;
	if (row && UKCF_MECH_CLASS(row->id) == UKCF_CLASS_CIPHER &&
	    !row->growth && !row->padding)
		return result_is(self, o, t, (int64_t)t->in.len) &&
		       memcmp(t->out, t->in.data, t->in.len) != 0;
	return result_is(self, o, t, -EBADMSG);
}

/* The other direction, and with a bit turned. */
static bool test_decrypt(struct ukcf_instance *self, const struct ukcf_offer *o,
			 const struct known *k)
{
	struct trial t;

	prepare(&t, k);
	t.job.op = UKCF_OP_DECRYPT;
	t.job.in = bytes(&t.want);
	return produces(self, o, &t, &t.in) && notices(self, o, &t);
}

static bool test_verify(struct ukcf_instance *self, const struct ukcf_offer *o,
			const struct known *k)
{
	struct trial t;

	prepare(&t, k);
	t.job.tag = bytes(&t.want);
	if (!result_is(self, o, &t, 0))
		return false;
	t.want.data[0] ^= 1;
	return result_is(self, o, &t, -EBADMSG);
}

/* Of a signature, or what class PKE makes of so many bytes. */
static bool sizes_fit(uint32_t mech, size_t in, int64_t len)
{
	const struct mech_row *row = mech_row_by_id(mech);

	if (row->growth)
		return len == (int64_t)in + row->growth;
	return row->by_key ? len > 0 && len <= row->out_len :
			     len == row->out_len;
}

/* What it signs it verifies with the public part that it makes, and neither
 * another signature nor another message. */
static bool test_pair(struct ukcf_instance *self, const struct ukcf_offer *o,
		      const struct known *k)
{
	uint8_t pub[HEX_MAX];
	struct trial t, p;
	size_t len;

	if (!o->ops->public_key || !o->ops->verify)
		return false;
	prepare(&p, k);
	p.job.op = UKCF_OP_KEY_PUBLIC;
	p.job.out = pub;
	prepare(&t, k);
	if (run_job(self, o->ops->public_key, &p.job) != UKCF_DONE ||
	    p.job.res <= 0 || p.job.res > HEX_MAX ||
	    run_job(self, o->ops->sign, &t.job) != UKCF_DONE ||
	    !sizes_fit(k->mech, t.in.len, t.job.res))
		return false;
	len = (size_t)t.job.res;
	t.job.op = UKCF_OP_VERIFY;
	t.job.key = (struct ukcf_bytes){ pub, (size_t)p.job.res };
	t.job.tag = (struct ukcf_bytes){ t.out, len };
	if (!result_is(self, o, &t, 0))
		return false;
	t.out[len - 1] ^= 1;
	if (!result_is(self, o, &t, -EBADMSG))
		return false;
	t.out[len - 1] ^= 1;
	t.in.data[0] ^= 1;
	return result_is(self, o, &t, -EBADMSG);
}

/* A wrong padding of v1.5 gives other bytes, any other an error. */
static bool notices_pke(struct ukcf_instance *self, const struct ukcf_offer *o,
			struct trial *t, const struct hex *plain)
{
	if (t->job.mech != UKCF_MECH_RSA_PKCS1)
		return result_is(self, o, t, -EBADMSG);
	return run_job(self, o->ops->decrypt, &t->job) == UKCF_DONE &&
	       t->job.res >= 0 &&
	       (t->job.res != (int64_t)plain->len ||
		memcmp(t->out, plain->data, plain->len) != 0);
}

/* Who may not decrypt has shown to itself what it encrypts; here, that it is not
 * the same twice. */
static bool encrypts_anew(struct ukcf_instance *self,
			  const struct ukcf_offer *o, struct trial *t)
{
	return run_job(self, o->ops->encrypt, &t->job) == UKCF_DONE &&
	       t->job.res == (int64_t)t->want.len &&
	       memcmp(t->out, t->want.data, t->want.len) != 0;
}

/* What it encrypts with the public part that it makes it decrypts, but not with
 * a bit turned. */
static bool test_seal(struct ukcf_instance *self, const struct ukcf_offer *o,
		      const struct known *k)
{
	struct trial t, p;
	uint8_t pub[HEX_MAX];

	if (!o->ops->public_key)
		return false;
	prepare(&p, k);
	p.job.op = UKCF_OP_KEY_PUBLIC;
	p.job.out = pub;
	prepare(&t, k);
	if (run_job(self, o->ops->public_key, &p.job) != UKCF_DONE ||
	    p.job.res <= 0 || p.job.res > HEX_MAX)
		return false;
	t.job.key = (struct ukcf_bytes){ pub, (size_t)p.job.res };
	if (run_job(self, o->ops->encrypt, &t.job) != UKCF_DONE ||
	    !sizes_fit(k->mech, t.in.len, t.job.res))
		return false;
	t.want.len = (size_t)t.job.res;
	memcpy(t.want.data, t.out, t.want.len);
	if (!o->ops->decrypt)
		return encrypts_anew(self, o, &t);
	t.job.op = UKCF_OP_DECRYPT;
	t.job.key = bytes(&t.key);
	t.job.in = bytes(&t.want);
	if (!produces(self, o, &t, &t.in))
		return false;
	t.want.data[t.want.len - 1] ^= 1;
	return notices_pke(self, o, &t, &t.in);
}

static bool run_known(struct ukcf_instance *self, const struct ukcf_offer *o,
		      const struct known *k)
{
	struct trial t;

	if (k->op == UKCF_OP_VERIFY || k->op == UKCF_OP_MAC_VERIFY)
		return test_verify(self, o, k);
	if (k->op == UKCF_OP_SIGN && !*k->out)
		return test_pair(self, o, k);
	if (k->op == UKCF_OP_ENCRYPT && !*k->out)
		return test_seal(self, o, k);
	prepare(&t, k);
	if (!produces(self, o, &t, &t.want))
		return false;
	if (k->op != UKCF_OP_ENCRYPT || !mech_entry(o, UKCF_OP_DECRYPT))
		return true;
	return test_decrypt(self, o, k);
}

/* There is no known answer for chance: two draws differ, and are not zero. */
static bool test_random(struct ukcf_instance *self, const struct ukcf_offer *o)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 }, zero[32] = { 0 };
	struct ukcf_job job = { .op = UKCF_OP_RANDOM,
				.mech = o->mech,
				.out = a,
				.out_size = sizeof(a) };

	if (run_job(self, o->ops->random, &job) != UKCF_DONE || job.res != sizeof(a))
		return false;
	job.out = b;
	if (run_job(self, o->ops->random, &job) != UKCF_DONE || job.res != sizeof(b))
		return false;
	return memcmp(a, b, sizeof(a)) != 0 && memcmp(a, zero, sizeof(a)) != 0;
}

/* The null mechanisms compute nothing: any answer of the right size will do. */
static bool is_null(uint32_t mech)
{
	return UKCF_MECH_INDEX(mech) == 0x0f00;
}

int selftest_offer(struct ukcf_instance *self, const struct ukcf_offer *o,
		   const char **what)
{
	bool tested = is_null(o->mech);

	/* Of any other class the table decides, whatever else is offered. */
	if (UKCF_MECH_CLASS(o->mech) == UKCF_CLASS_RNG && o->ops->random) {
		*what = "random";
		return test_random(self, o) ? 0 : -EIO;
	}
	for (size_t i = 0; i < N_KNOWN; i++) {
		const struct known *k = &table[i];

		if (k->mech != o->mech || !mech_entry(o, k->op))
			continue;
		*what = mech_op_name(k->op);
		if (!run_known(self, o, k))
			return -EIO;
		tested = true;
	}
	return tested ? 0 : -ENOENT;
}

/* ------------------------------------------- mechanisms without known answers */

#define SAMPLE 96u /* bytes: a multiple of every block */

struct sample {
	const struct mech *m;
	const struct ukcf_offer *o;
	struct ukcf_instance *self;
	uint8_t key[UKCF_KEY_BYTES_MAX], nonce[UKCF_PARAM_MAX], in[SAMPLE];
	uint8_t out[2][SAMPLE + 64];
	struct ukcf_job job;
};

static void fill_sample(struct sample *s)
{
	const struct mech_limits *l = &s->m->limits;

	for (size_t i = 0; i < sizeof(s->key); i++)
		s->key[i] = (uint8_t)(i * 7 + 1);
	memset(s->nonce, 0x42, sizeof(s->nonce));
	memset(s->in, 0x17, sizeof(s->in));
	s->job = (struct ukcf_job){
		.mech = s->m->id,
		.key = { l->key_max ? s->key : NULL, l->key_max },
		.param = { l->nonce_len ? s->nonce : NULL, l->nonce_len },
		.in = { s->in, sizeof(s->in) },
		.tag_len = l->tag_max,
	};
}

/* Return: bytes at out[n], or -1. */
static int64_t perform(struct sample *s, uint32_t op, unsigned int n)
{
	ukcf_job_fn fn = mech_entry(s->o, op);

	s->job.op = op;
	s->job.out = s->out[n];
	s->job.out_size = sizeof(s->out[n]);
	s->job.res = 0;
	return fn && run_job(s->self, fn, &s->job) == UKCF_DONE ? s->job.res :
								   -1;
}

static bool repeats(struct sample *s, uint32_t op, int64_t len)
{
	return perform(s, op, 0) == len && perform(s, op, 1) == len &&
	       memcmp(s->out[0], s->out[1], (size_t)len) == 0;
}

static bool test_own_mac(struct sample *s)
{
	if (!repeats(s, UKCF_OP_MAC, s->m->limits.tag_max))
		return false;
	if (!mech_entry(s->o, UKCF_OP_MAC_VERIFY))
		return true;
	s->job.tag = (struct ukcf_bytes){ s->out[0], s->m->limits.tag_max };
	if (perform(s, UKCF_OP_MAC_VERIFY, 1) != 0)
		return false;
	s->out[0][0] ^= 1;
	return perform(s, UKCF_OP_MAC_VERIFY, 1) == -EBADMSG;
}

static bool test_own_digest(struct sample *s)
{
	return repeats(s, UKCF_OP_DIGEST, s->m->limits.out_len);
}

static bool test_own_cipher(struct sample *s)
{
	int64_t len = SAMPLE + s->m->limits.tag_max;

	if (!repeats(s, UKCF_OP_ENCRYPT, len))
		return false;
	s->job.in = (struct ukcf_bytes){ s->out[0], (size_t)len };
	if (perform(s, UKCF_OP_DECRYPT, 1) != SAMPLE ||
	    memcmp(s->out[1], s->in, SAMPLE) != 0)
		return false;
	if (!s->m->limits.tag_max)
		return true;
	s->out[0][len - 1] ^= 1;
	return perform(s, UKCF_OP_DECRYPT, 1) == -EBADMSG;
}

int selftest_described(struct ukcf_instance *self, const struct mech *m,
		       const struct ukcf_offer *o, const char **what)
{
	static bool (*const tests[])(struct sample *s) = {
		[UKCF_CLASS_DIGEST] = test_own_digest,
		[UKCF_CLASS_MAC] = test_own_mac,
		[UKCF_CLASS_CIPHER] = test_own_cipher,
		[UKCF_CLASS_AEAD] = test_own_cipher,
	};
	struct sample s = { .m = m, .o = o, .self = self };
	uint32_t class_ = UKCF_MECH_CLASS(m->id);

	*what = "twice the same, undone, a wrong tag";
	if (class_ >= sizeof(tests) / sizeof(tests[0]) || !tests[class_])
		return -ENOENT;
	fill_sample(&s);
	return tests[class_](&s) ? 0 : -EIO;
}
